"""What the client makes of a portal's answers, against a real server."""

import base64
import gzip
import html
import json
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

import pytest
from hypothesis import given, strategies as st

from assets.landing.archive import Archive, Delivery, Receipt, object_key
from assets.landing.http import Client, Limits, run_plan, without_secrets
from assets.landing.request import Request
from assets.landing.store import LocalStore
from tests.http_server import Portal, Respond, reply, serving

LIMITS = Limits(
    connect_seconds=1,
    read_seconds=0.3,
    total_seconds=1.2,
    attempts=3,
    backoff_seconds=0.01,
    retry_after_seconds=0.2,
    bytes=20_000,
)


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serving() as site:
        yield site


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(LIMITS) as made:
        yield made


def known(**facts: str) -> Receipt:
    return Receipt(
        id="0" * 16,
        city="c",
        source="s",
        day=date(2026, 1, 1),
        number=1,
        name="n",
        origin="o",
        outcome="new",
        first_seen=datetime(2026, 1, 1, tzinfo=UTC),
        run="r",
        **facts,
    )


def test_a_good_answer_brings_bytes_and_validators(portal, client):
    url = portal.answer("/a", reply(b'{"a": 1}', ETag='"v1"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT"))
    got = client.fetch(Request("n", url, params={"q": "ภูเก็ต"}, headers={"api-key": "s3cret"}))
    assert (got.outcome, got.code, got.status, got.data, got.etag) == ("new", None, 200, b'{"a": 1}', '"v1"')
    assert got.last_modified == "Mon, 01 Jan 2024 00:00:00 GMT"
    path, headers = portal.seen[0]
    assert parse_qs(urlsplit(path).query) == {"q": ["ภูเก็ต"]}
    assert headers["api-key"] == "s3cret"
    assert headers["User-Agent"].startswith("Mozilla/")


def test_validators_make_the_request_conditional(portal, client):
    url = portal.answer("/a", reply(status=304))
    last = known(etag='"v1"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    got = client.fetch(Request("n", url), last)
    assert (got.outcome, got.data) == ("unchanged", None)
    assert portal.seen[0][1]["If-None-Match"] == '"v1"'
    assert portal.seen[0][1]["If-Modified-Since"] == last.last_modified
    assert client.fetch(Request("n", url, conditional=False), last).outcome == "bad-answer"
    assert "If-None-Match" not in portal.seen[1][1]


@pytest.mark.parametrize(
    ("answers", "outcome", "code", "calls"),
    [
        ([reply(status=401)], "not-reached", "answer-not-reached", 1),
        ([reply(b"<html>WAF</html>", status=403)], "not-reached", "answer-not-reached", 1),
        ([reply(b"<html>I'm a teapot</html>", status=418)], "not-reached", "answer-not-reached", 1),
        ([reply(b"<html>for legal reasons</html>", status=451)], "not-reached", "answer-not-reached", 1),
        ([reply(b"NoRecordsFound", status=404)], "empty", "answer-empty", 1),
        ([reply(b'{"success": false}', status=404)], "bad-answer", "answer-bad", 1),
        ([reply(status=410)], "bad-answer", "answer-bad", 1),
        ([reply(status=500)], "not-reached", "answer-not-reached", 3),
        ([reply(status=522)], "not-reached", "answer-not-reached", 3),
        ([reply(status=500), reply(status=408), reply()], "new", None, 3),
        ([reply(status=206)], "bad-answer", "answer-bad", 1),
        ([reply(b"")], "empty", "answer-empty", 1),
        ([reply(b" \r\n")], "empty", "answer-empty", 1),
        ([reply(b"", status=204)], "empty", "answer-empty", 1),
        ([reply(b"<!DOCTYPE html><html>login</html>")], "bad-answer", "answer-bad", 1),
        ([reply(b'{"a": ')], "bad-answer", "answer-bad", 1),
        ([reply(b"[" * 10_000)], "bad-answer", "answer-bad", 1),
        ([reply(b'{"a": 1}', claimed=50)], "bad-answer", "answer-bad", 3),
        ([reply(b'{"a": 1}', claimed=50), reply()], "new", None, 2),
        ([reply(b"not gzip", Content_Encoding="gzip")], "bad-answer", "answer-bad", 1),
        ([reply(b"{}" + b" " * 30_000)], "bad-answer", "answer-bad", 1),
        ([reply(gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")], "bad-answer", "answer-bad", 1),
        ([reply(status=302, Location="http://elsewhere.invalid/")], "bad-answer", "answer-bad", 1),
        ([reply(status=302, Location="/a")], "bad-answer", "answer-bad", 6),
    ],
)
def test_outcomes(portal, client, answers, outcome, code, calls):
    got = client.fetch(Request("n", portal.answer("/a", *answers)))
    assert (got.outcome, got.code, len(portal.seen)) == (outcome, code, calls)
    assert (got.reason is None) == (outcome == "new")


def test_bytes_of_a_bad_answer_are_kept_but_not_beyond_the_limit(portal, client):
    assert client.fetch(Request("n", portal.answer("/a", reply(b"<html>x</html>")))).data == b"<html>x</html>"
    assert (
        client.fetch(Request("n", portal.answer("/a", reply(b"abc", claimed=9), reply(b"abc", claimed=9)))).data
        == b"abc"
    )
    assert client.fetch(Request("n", portal.answer("/a", reply(b"x" * 30_000)))).data is None


def test_html_is_judged_by_what_was_expected(portal, client):
    url = portal.answer("/a", reply(b"\xef\xbb\xbf <html>"))
    for expect in ("json", "csv", "zip", "text"):
        assert client.fetch(Request("n", url, expect=expect)).outcome == "bad-answer"
    url = portal.answer("/a", reply(b"<1 mm\n"))
    assert client.fetch(Request("n", url, expect="text")).outcome == "new"
    assert client.fetch(Request("n", url, expect="zip")).outcome == "bad-answer"
    assert client.fetch(Request("n", portal.answer("/z", reply(b"PK\x03\x04..")), expect="zip")).outcome == "new"


def test_the_requests_own_check_decides(portal, client):
    url = portal.answer("/a", reply(b'{"error": true}'))
    got = client.fetch(Request("n", url, check=lambda data: "the portal reports an error"))
    assert (got.outcome, got.reason, got.data) == ("bad-answer", "the portal reports an error", b'{"error": true}')
    got = client.fetch(Request("n", url, check=lambda data: json.loads(data)["stations"]))
    assert got.outcome == "bad-answer"
    assert "KeyError" in got.reason


def test_retry_after_is_waited_for(portal, client):
    client.limits = replace(LIMITS, retry_after_seconds=2, total_seconds=3)
    client.budget.limits = client.limits
    url = portal.answer("/a", reply(status=429, Retry_After="1"), reply())
    begun = time.monotonic()
    assert client.fetch(Request("n", url)).outcome == "new"
    assert 1 <= time.monotonic() - begun < 2.5


@pytest.mark.parametrize("stamp", ["7", "Fri, 01 Jan 2100 00:00:00 GMT", "9" * 400])
def test_a_long_retry_after_is_not_waited_for(portal, client, stamp):
    url = portal.answer("/a", reply(status=429, Retry_After=stamp), reply())
    got = client.fetch(Request("n", url))
    assert (got.outcome, got.status, len(portal.seen)) == ("not-reached", 429, 1)
    assert "let be" in got.reason


def test_a_portal_that_hangs_is_not_reached_in_time(portal, client):
    release = threading.Event()
    url = portal.answer("/a", lambda handler: release.wait(5) and None)
    begun = time.monotonic()
    got = client.fetch(Request("n", url))
    release.set()
    assert got.outcome == "not-reached"
    assert len(portal.seen) == 3
    assert time.monotonic() - begun < 2


def test_a_body_that_drips_in_ends_at_the_total_time(portal, client):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    begun = time.monotonic()
    got = client.fetch(Request("n", portal.answer("/a", drip)))
    assert (got.outcome, got.data) == ("not-reached", None)
    assert time.monotonic() - begun < 2


def test_a_head_that_drips_in_ends_at_the_read_limit(portal, client):
    """A socket's own time-out begins anew with every byte."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for byte in b"HTTP/1.0 200 OK\r\nX-Long: " + b"x" * 200:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    begun = time.monotonic()
    got = client.fetch(Request("n", portal.answer("/a", drip)))
    assert (got.outcome, got.data) == ("not-reached", None)
    assert time.monotonic() - begun < 2


def test_a_body_that_stops_ends_at_the_total_time_although_a_silence_may_be_longer(portal):
    release = threading.Event()

    def stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)  # without a length: the end of the connection would be the end of the body
        handler.end_headers()
        handler.wfile.write(b"[1, 2]")
        release.wait(5)

    with Client(replace(LIMITS, read_seconds=4, total_seconds=0.5)) as client:
        begun = time.monotonic()
        got = client.fetch(Request("n", portal.answer("/a", stop)))
    release.set()
    assert (got.outcome, got.data) == ("not-reached", None)
    assert time.monotonic() - begun < 1.5


def chunked(*parts: bytes, whole: bool) -> Respond:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in parts:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n" if whole else b"40\r\n{")
        handler.close_connection = True

    return respond


def test_half_a_chunked_body_is_no_answer(portal, client):
    got = client.fetch(Request("n", portal.answer("/a", chunked(b"a,b\n", b"1,2\n", whole=True)), expect="csv"))
    assert (got.outcome, got.data) == ("new", b"a,b\n1,2\n")
    got = client.fetch(Request("n", portal.answer("/a", chunked(b"a,b\n", b"1,2\n", whole=False)), expect="csv"))
    assert (got.outcome, "broke off" in got.reason) == ("bad-answer", True)


TABLE = b"station,pm25\n" + b"".join(b"%dt,%d\n" % (n, n * n % 97) for n in range(500))


@pytest.mark.parametrize(
    ("packed", "coding"),
    [
        (gzip.compress(TABLE), "gzip"),
        (gzip.compress(TABLE[:1000]) + gzip.compress(TABLE[1000:]), "GZIP"),
        (zlib.compress(TABLE), "deflate"),
        (TABLE, "identity"),
    ],
)
def test_packed_bodies_come_out_whole(portal, client, packed, coding):
    got = client.fetch(Request("n", portal.answer("/a", reply(packed, Content_Encoding=coding)), expect="csv"))
    assert (got.outcome, got.data) == ("new", TABLE)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_half_a_packed_body_is_no_answer_even_if_its_length_is_as_claimed(portal, client, share):
    """Half the rows of a CSV would pass for a whole file."""
    packed = gzip.compress(TABLE)
    url = portal.answer("/a", reply(packed[: int(len(packed) * share)], Content_Encoding="gzip"))
    got = client.fetch(Request("n", url, expect="csv"))
    assert (got.outcome, got.code, len(portal.seen)) == ("bad-answer", "answer-bad", LIMITS.attempts)
    assert TABLE.startswith(got.data or b"")


def test_a_coding_that_was_not_offered_is_no_answer(portal, client):
    got = client.fetch(Request("n", portal.answer("/a", reply(b"{}", Content_Encoding="br"))))
    assert (got.outcome, got.data) == ("bad-answer", None)


@pytest.mark.parametrize(
    ("claimed", "body", "outcome"),
    [
        ("application/json; charset=utf-8", b"<!DOCTYPE html><title>Just a moment...</title>", "bad-answer"),
        ("application/json", b"Service temporarily unavailable", "bad-answer"),
        ("text/html; charset=utf-8", b'{"a": 1}', "new"),
        ("image/png", b'{"a": 1}', "new"),
    ],
)
def test_the_content_type_is_not_believed(portal, client, claimed, body, outcome):
    got = client.fetch(Request("n", portal.answer("/a", reply(body, Content_Type=claimed))))
    assert (got.outcome, got.content_type) == (outcome, claimed)


def test_a_body_that_stops_is_not_reached(portal, client):
    release = threading.Event()

    def stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")
        release.wait(5)

    got = client.fetch(Request("n", portal.answer("/a", stop)))
    release.set()
    assert (got.outcome, len(portal.seen)) == ("not-reached", 3)


def test_secrets_stay_out_of_what_is_kept(portal, client):
    request = Request(
        "n", portal.answer("/a", reply(status=404)), params={"uid": "u-secret", "ukey": "k-secret", "q": "1"}
    )
    got = client.fetch(request)
    assert "k-secret" in portal.seen[0][0]
    assert "secret" not in got.url + str(got.reason) and got.url.endswith("q=1")
    for url in (
        "http://user:k-secret@127.0.0.1:9/x?token=k-secret",
        "http://[broken/?token=k-secret",
        "ftp://h/?key=k-secret",
    ):
        got = client.fetch(Request("n", url))
        assert got.outcome == "not-reached"
        assert "k-secret" not in repr(got)


def test_tls_that_fails_is_not_tried_again(portal, client):
    got = client.fetch(Request("n", portal.base.replace("http:", "https:")))
    assert got.outcome == "not-reached"
    assert "TLS" in got.reason


def test_redirects_within_the_host_are_followed_without_losing_headers(portal, client):
    portal.answer("/b", reply(b'{"b": 1}'))
    got = client.fetch(Request("n", portal.answer("/a", reply(status=301, Location="/b")), headers={"api-key": "s"}))
    assert got.data == b'{"b": 1}'
    assert portal.seen[1][1]["api-key"] == "s"


@given(
    st.sampled_from(["key", "api-key", "API_KEY", "token", "user_token", "uid", "ukey", "access_token", "sig"]),
    st.text(min_size=3),
)
def test_no_secret_survives_redaction(name, secret):
    url = f"https://h.example/p?{urlencode({'resource_id': 'r1', name: 'S' + secret + 'S', 'stationID': '44t'})}"
    kept = parse_qs(urlsplit(without_secrets(url)).query)
    assert kept == {"resource_id": ["r1"], name: ["REDACTED"], "stationID": ["44t"]}


def landed(archive, client, plan, day=date(2026, 11, 23), run="run1"):
    delivery = Delivery("phuket", "src", day, run, lambda: datetime(2026, 11, 23, tzinfo=UTC), synthetic=True)
    return run_plan(archive, client, delivery, plan)


def test_a_plan_is_sent_each_usable_answer_and_every_answer_has_a_receipt(portal, client, tmp_path):
    portal.answer("/list", reply(b'["x"]'))
    portal.answer("/gone", reply(status=403))
    sent = []

    def plan():
        sent.append((yield Request("list", portal.base + "/list")))
        sent.append((yield Request("gone", portal.base + "/gone", params={"token": "t-secret"})))
        sent.append((yield Request("list2", portal.base + "/list")))

    archive = Archive(LocalStore(tmp_path))
    receipts = landed(archive, client, plan())
    assert sent == [b'["x"]', None, b'["x"]']
    assert [r.outcome for r in receipts] == ["new", "not-reached", "new"]
    assert receipts[1].code == "answer-not-reached" and receipts[1].status == 403
    assert all(r.synthetic for r in receipts)
    assert archive.bytes_of(receipts[0]) == b'["x"]'
    assert b"t-secret" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    assert landed(archive, client, (r for r in ())) == []


def test_not_modified_sends_the_bytes_landed_before(portal, client, tmp_path):
    archive = Archive(LocalStore(tmp_path))
    url = portal.answer("/a", reply(b'{"v": 1}', ETag='"1"'), reply(status=304), reply(b"<html>"), reply(b'{"v": 1}'))
    sent = []

    def plan():
        sent.append((yield Request("a", url)))

    outcomes = [landed(archive, client, plan(), date(2026, 11, day), f"run{day}")[0].outcome for day in range(1, 5)]
    assert outcomes == ["new", "unchanged", "bad-answer", "unchanged"]
    assert sent == [b'{"v": 1}', b'{"v": 1}', None, b'{"v": 1}']
    assert portal.seen[2][1]["If-None-Match"] == '"1"'


def test_not_modified_of_bytes_that_are_damaged_asks_for_them_whole(portal, client, tmp_path):
    archive = Archive(LocalStore(tmp_path))

    def respond(handler):
        (reply(status=304) if "If-None-Match" in handler.headers else reply(b'{"v": 1}', ETag='"1"'))(handler)

    url = portal.answer("/a", respond)
    sent = []

    def plan():
        sent.append((yield Request("a", url)))

    (first,) = landed(archive, client, plan(), date(2026, 11, 1))
    archive.store.write(object_key(first.sha256), b'{"v": 2}')
    (second,) = landed(archive, client, plan(), date(2026, 11, 2))
    assert sent == [b'{"v": 1}'] * 2
    assert (second.outcome, archive.bytes_of(first)) == ("unchanged", b'{"v": 1}')
    assert len(portal.seen) == 3


@pytest.mark.parametrize("secret", ["s3cret-key", "a/b+c&d=é'\"<>%", "กุญแจลับ-1", "0123456789abcdef"])
def test_a_key_that_a_portal_repeats_never_lies_in_landing(portal, tmp_path, secret):
    """In the body as it came, in a URL, JSON, HTML or base64, in an error page, in binary, after a redirect."""
    raw = secret.encode()
    bodies = [
        f'["{secret}"]'.encode(),
        json.dumps({"a": secret}).encode(),
        json.dumps({"a": secret}, ensure_ascii=False).replace("/", r"\/").encode(),
        json.dumps({"url": f"http://h/?k={quote(secret, safe='')}&l={quote_plus(secret).lower()}"}).encode(),
        json.dumps({"header": base64.b64encode(f"user:{secret}".encode()).decode()}).encode(),
        json.dumps({"header": base64.urlsafe_b64encode(f"{secret}:".encode()).decode(), "hex": raw.hex()}).encode(),
        f"<html>{html.escape(secret)} is not valid</html>".encode(),
        f"a,b\n{secret},1\n".encode("utf-16"),
        b"\x00\xff" + raw + b"\x00" + raw + b"\xfe",
    ]
    kinds = ["json"] * 6 + ["text"] * 3
    for number, body in enumerate(bodies):
        portal.answer(f"/{number}", reply(status=307, Location=f"/to/{number}"))
        portal.answer(f"/to/{number}", reply(body, ETag=f'"{quote(secret)}"', Content_Type="text/x"))
    portal.answer("/error", reply(bodies[6], status=404))
    portal.answer("/clean", reply(b'{"rows": []}'))

    def plan():
        for number, kind in enumerate(kinds):
            url = f"{portal.base}/{number}"
            yield Request(
                str(number),
                url,
                headers={"k": "{key:opend}"} if secret.isascii() else {},
                params={"k": "{key:opend}"},
                expect=kind,
            )
        yield Request("error", portal.base + "/error", params={"k": "{key:opend}"})
        yield Request("clean", portal.base + "/clean", params={"k": "{key:opend}"})

    archive = Archive(LocalStore(tmp_path))
    with Client(LIMITS, keys={"opend": secret}) as client:
        receipts = {receipt.name: receipt for receipt in landed(archive, client, plan())}
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    forms = [
        raw,
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        raw.hex().encode(),
        html.escape(secret).encode(),
    ]
    forms += [secret.encode("utf-16-le"), base64.b64encode(raw)[: 4 * (len(raw) // 3)]]
    forms += [base64.b64encode(f"user:{secret}".encode())[8 : 4 * ((5 + len(raw)) // 3)]]
    for path, data in kept.items():
        assert not [form for form in forms if form in data], path
    assert receipts["clean"].secrets_cut is None
    assert all(receipt.secrets_cut for name, receipt in receipts.items() if name != "clean")
    assert (receipts["8"].secrets_cut, archive.bytes_of(receipts["8"])) == (2, b"\x00\xff***\x00***\xfe")
    assert json.loads(archive.bytes_of(receipts["1"])) == {"a": "***"}
    assert receipts["error"].outcome == "bad-answer"


def test_a_password_in_a_base_url_that_a_portal_repeats_is_cut_out_too(portal, client):
    portal.answer("/who", lambda handler: reply(json.dumps(dict(handler.headers)).encode())(handler))
    got = client.fetch(Request("n", portal.base.replace("//", "//user:pass%2Fword@") + "/who"))
    assert got.secrets_cut == 1
    assert base64.b64encode(b"user:pass/word") not in got.data
    assert json.loads(got.data)["Authorization"].startswith("Basic ")


def test_data_that_happens_to_hold_a_short_word_is_left_as_it_came(portal):
    """TMD's public demonstration user is "api"."""
    portal.answer("/a", reply(b'{"api": "rapid"}'))
    with Client(LIMITS, keys={"tmd_uid": "api"}) as client:
        got = client.fetch(Request("n", portal.base + "/a", params={"uid": "{key:tmd_uid}"}))
    assert (got.data, got.secrets_cut) == (b'{"api": "rapid"}', None)
