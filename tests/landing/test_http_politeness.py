"""How the client behaves towards portals: their keys, their rates, their proxies, and how long a night may wait."""

import datetime as dt
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, strategies as st

from assets.landing.archive import Archive, Delivery, Receipt
from assets.landing.budget import Budget
from assets.landing.http import Client, Limits, run_plan
from assets.landing.portals import PORTALS
from assets.landing.request import Request
from assets.landing.sites import Sites
from assets.landing.store import LocalStore
from tests.http_server import Portal, reply, serving

LIMITS = Limits(
    connect_seconds=1,
    read_seconds=0.3,
    total_seconds=1.2,
    attempts=3,
    backoff_seconds=0.01,
    retry_after_seconds=0.2,
    probe_seconds=0.2,
    host_seconds=1.5,
    night_seconds=3,
    bytes=20_000,
)
KEYS = {"firms": "map/secret?1", "tmd_uid": "uid-secret", "tmd_ukey": "ukey+secret&2", "opend": "opend-secret"}


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serving() as site:
        yield site


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(LIMITS, keys=KEYS, sleep=lambda seconds: None) as made:
        yield made


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def hang(release: threading.Event):
    return lambda handler: release.wait(10)


def everywhere(url: str) -> Request:
    """A request that carries keys wherever one can stand."""
    return Request(
        "n",
        f"{url}/{{key:firms}}/csv",
        params={"uid": "{key:tmd_uid}", "ukey": "{key:tmd_ukey}", "q": "a:b"},
        headers={"api-key": "{key:opend}"},
        form={"token": "Bearer {key:opend}"},
    )


def test_keys_are_put_in_only_when_a_request_is_sent(portal, client):
    portal.answer("/api/map%2Fsecret%3F1/csv", reply())
    got = client.fetch(everywhere(portal.base + "/api"))
    assert got.outcome == "new"
    path, headers = portal.seen[0]
    assert parse_qs(urlsplit(path).query) == {"uid": ["uid-secret"], "ukey": ["ukey+secret&2"], "q": ["a:b"]}
    assert headers["api-key"] == "opend-secret"
    assert parse_qs(portal.forms[0]) == {"token": ["Bearer opend-secret"]}
    kept = "/api/{key:firms}/csv?uid={key:tmd_uid}&ukey={key:tmd_ukey}&q=a%3Ab"
    assert got.url == portal.base + kept


@pytest.mark.parametrize("keys", [{}, {"firms": ""}, {"other": "x"}])
def test_a_key_that_is_not_set_is_named_and_nothing_is_asked(portal, keys):
    with Client(LIMITS, keys=keys) as client:
        got = client.fetch(Request("n", portal.answer("/{key:firms}", reply())))
    assert (got.outcome, got.code, portal.seen) == ("not-reached", "answer-not-reached", [])
    assert "firms" in got.reason and "MUANG_KEYS" in got.reason
    assert client.budget.lost == {}


def test_no_secret_is_in_what_is_kept_said_or_logged_whatever_happens(portal, client, tmp_path, caplog, capfd):
    """Also where the portal repeats the key in its headers, and where the reader's check quotes the body."""
    caplog.set_level(logging.DEBUG)
    release = threading.Event()
    echo = reply(b'"opend-secret"', ETag='"opend-secret"', Content_Type="x/map%2Fsecret%3F1")
    answers = [
        reply(status=500),
        reply(status=403),
        reply(b"<html>", status=404),
        reply(b'{"a":', claimed=99),
        hang(release),
        lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"),
        lambda handler: handler.wfile.write(b"nonsense"),
        reply(status=302, Location="http://elsewhere.invalid/?k=opend-secret"),
        echo,
    ]

    def says(data: bytes) -> str:
        return f"the portal says {data!r}"

    def plan(faulty):
        portal.answers.clear()
        portal.answer("/api/map%2Fsecret%3F1/csv", faulty)
        yield replace(everywhere(portal.base + "/api"), check=says if faulty is echo else None)
        yield replace(everywhere("http://127.0.0.1:1/api"), name="refused")
        yield replace(everywhere(portal.base.replace("http:", "https:")), name="tls")
        yield replace(everywhere("ftp://h.invalid/"), name="scheme")
        yield replace(everywhere("http://[broken/"), name="broken")
        yield replace(everywhere(portal.base), name="header", headers={"k": "{key:opend}\nx: 1"})

    receipts: list[Receipt] = []
    archive = Archive(LocalStore(tmp_path))
    for number, faulty in enumerate(answers):
        client.budget = Budget(LIMITS)
        day = dt.date(2026, 1, 1 + number)
        now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        receipts += run_plan(archive, client, Delivery("c", "s", day, "r", lambda now=now: now), plan(faulty))
    release.set()
    assert {receipt.outcome for receipt in receipts} == {"not-reached", "bad-answer", "empty"}
    assert "the portal says b'\"{key:opend}\"'" in [receipt.reason for receipt in receipts]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl")).decode()
    shown = capfd.readouterr()
    everything = [kept, caplog.text, shown.out, shown.err, repr(receipts), repr(client), *map(str, tmp_path.rglob("*"))]
    for secret in ("map/secret", "map%2Fsecret", "uid-secret", "ukey+secret", "ukey%2Bsecret", "opend-secret"):
        assert not any(secret in text for text in everything), secret
    assert "{key:firms}" in kept


def test_a_redirect_to_another_host_or_port_is_not_followed_with_keys(portal, client):
    with serving() as other:
        for elsewhere in (other.base, other.base.replace("127.0.0.1", "localhost")):
            portal.answer("/api/map%2Fsecret%3F1/csv", reply(status=307, Location=elsewhere + "/x"))
            assert client.fetch(everywhere(portal.base + "/api")).outcome == "bad-answer"
        assert other.seen == []


def test_a_form_is_posted_judged_and_tried_again_but_never_conditional(portal, client):
    known = Receipt(
        id="0" * 16,
        city="c",
        source="s",
        day=dt.date(2026, 1, 1),
        number=1,
        name="n",
        origin="o",
        outcome="new",
        first_seen=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        run="r",
        etag='"1"',
    )
    url = portal.answer("/a", reply(status=503), reply(b'{"rows": [1]}'))
    asked = Request("n", url, form={"จังหวัด": "ภูเก็ต", "limit": "1"})
    got = client.fetch(asked, known)
    assert (got.outcome, got.data) == ("new", b'{"rows": [1]}')
    assert [parse_qs(form) for form in portal.forms] == [{"จังหวัด": ["ภูเก็ต"], "limit": ["1"]}] * 2
    assert not any("If-None-Match" in headers for _, headers in portal.seen)
    url = portal.answer("/a", reply(b"<html>"))
    assert client.fetch(Request("n", url, form={})).outcome == "bad-answer"
    assert portal.forms[2:] == [""]


@pytest.mark.parametrize(("status", "posts"), [(301, 1), (302, 1), (303, 1), (307, 2), (308, 2)])
def test_a_post_stays_a_post_where_it_is_redirected(portal, client, status, posts):
    portal.answer("/b", reply(b'{"b": 1}'))
    got = client.fetch(Request("n", portal.answer("/a", reply(status=status, Location="/b")), form={"q": "1"}))
    assert (got.outcome, portal.forms) == ("new" if posts == 2 else "bad-answer", ["q=1"] * posts)


# Rates and proxies. The server stands in as the proxy, so that a portal need not lie on this machine.


@pytest.mark.parametrize(("name", "per_minute"), [("traffy", 20), ("open_meteo", 300), ("nan_gdcatalog", 60)])
def test_requests_to_a_portal_are_spaced_by_its_rate(portal, name, per_minute):
    clock = Clock()
    base = f"http://{name.replace('_', '-')}.example"
    portal.answer("/a", reply())
    with Client(LIMITS, {name: base}, proxies={name: portal.base}, clock=clock, sleep=clock.sleep) as client:
        times = []
        for _ in range(4):
            assert client.fetch(Request("n", base + "/a")).outcome == "new"
            times.append(clock.now)
        clock.now += 1000
        client.fetch(Request("n", base + "/a"))
    assert times == pytest.approx([count * 60 / per_minute for count in range(4)])
    assert clock.now == pytest.approx(times[-1] + 1000), "a rest earns no haste, and needs no wait"
    assert portal.seen[0][0] == base + "/a"


def test_waiting_for_ones_turn_is_not_lost_time_and_retries_wait_too(portal):
    clock = Clock()
    portal.answer("/a", reply(status=500), reply(), reply())
    limits = replace(LIMITS, total_seconds=60, host_seconds=60, night_seconds=60)
    with Client(
        limits, {"traffy": "http://t.example"}, proxies={"traffy": portal.base}, clock=clock, sleep=clock.sleep
    ) as client:
        client.fetch(Request("n", "http://t.example/a"))
        lost = client.budget.lost["traffy"]
        assert clock.now == pytest.approx(3)
        client.fetch(Request("n", "http://t.example/a"))
        assert clock.now == pytest.approx(6)
    assert client.budget.lost["traffy"] == lost == pytest.approx(3)


def test_nothing_on_this_machine_is_slowed(portal):
    clock = Clock()
    url = portal.answer("/traffy/a", reply())
    with Client(LIMITS, {"traffy": portal.base + "/traffy"}, clock=clock, sleep=clock.sleep) as client:
        assert {client.fetch(Request("n", url)).outcome for _ in range(5)} == {"new"}
    assert clock.now == 0


def test_whose_a_url_is():
    local = "http://127.0.0.1:99"
    sites = Sites({"traffy": f"{local}/traffy", "dopa": "https://mirror.example/dopa/"}, {"nan_gdcatalog": "http://p"})
    assert sites.of(f"{local}/traffy?x=1").name == "traffy"
    assert sites.of(f"{local}/traffy2").name == "127.0.0.1:99"
    assert sites.of("https://mirror.example/dopa/new_stat").name == "dopa"
    assert sites.of("http://AIR4THAI.pcd.go.th/forweb?x=https://api.open-meteo.com").name == "air4thai"
    assert sites.of("https://nan.gdcatalog.go.th/api/3").proxy == "http://p"
    unknown = sites.of("https://files.example/feed.zip")
    assert (unknown.name, unknown.spacing, unknown.proxy) == ("files.example", 1.0, None)
    assert [sites.of(url).spacing for url in ("http://localhost/", "http://[::1]:8/a", f"{local}/traffy/a")] == [0] * 3
    for name, portal in PORTALS.items():
        if name not in {"traffy", "dopa"}:
            assert sites.of(portal.base_url + "/api").name == name
    for nonsense in ("", "http://", "http://[broken/", "://", "ภูเก็ต"):
        sites.of(nonsense)


def test_the_environments_proxies_keep_working_and_a_portals_own_goes_first(portal, monkeypatch):
    portal.answer("/a", reply())
    with serving() as environments:
        environments.answer("/a", reply())
        monkeypatch.setenv("HTTP_PROXY", environments.base)
        monkeypatch.setenv("http_proxy", environments.base)
        monkeypatch.setenv("NO_PROXY", "t.example,127.0.0.1")
        monkeypatch.setenv("no_proxy", "t.example,127.0.0.1")
        with Client(LIMITS, {"traffy": "http://t.example"}, proxies={"traffy": portal.base}) as client:
            assert client.fetch(Request("n", "http://t.example/a")).outcome == "new"
            assert client.fetch(Request("n", "http://o.example/a")).outcome == "new"
            assert client.fetch(Request("n", portal.base + "/a")).outcome == "new"
        assert [path for path, _ in environments.seen] == ["http://o.example/a"]
    assert [path for path, _ in portal.seen] == ["http://t.example/a", "/a"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_password_is_said_nowhere(portal, caplog, scheme):
    """Over http the answer is 404, over https the tunnel is refused, and then the proxy is not there."""
    caplog.set_level(logging.DEBUG)
    gone = "http://user:pass-secret@127.0.0.1:1"
    for proxy in (portal.base.replace("//", "//user:pass-secret@"), gone):
        with Client(LIMITS, {"open_meteo": f"{scheme}://o.example"}, proxies={"open_meteo": proxy}) as made:
            got = made.fetch(Request("n", f"{scheme}://o.example/a"))
            assert got.outcome in ("bad-answer", "not-reached")
            assert "pass-secret" not in repr(got) + caplog.text + repr(made)
    if scheme == "http":
        assert "Proxy-Authorization" in portal.seen[0][1]


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a portal")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "portal.pem"
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return path


@pytest.fixture
def tls_portal(certificate: Path) -> Iterator[Portal]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrap(server) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    with serving(wrap) as site:
        site.base = site.base.replace("http:", "https:")
        yield site


def test_certificates_are_always_checked_and_a_bundle_may_add_to_those_believed(
    tls_portal, client, certificate, monkeypatch, tmp_path
):
    url = tls_portal.answer("/a", reply())
    monkeypatch.setenv("CURL_CA_BUNDLE", "")  # which turned verification off in requests before 2.28
    got = client.fetch(Request("n", url))
    assert (got.outcome, "TLS" in got.reason, tls_portal.seen) == ("not-reached", True, [])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    assert "cannot be sent" in client.fetch(Request("n", url)).reason
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert client.fetch(Request("n", url)).outcome == "new"


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_drip_through_tls_ends_in_time(tls_portal, certificate, monkeypatch, part):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    def drip(handler) -> None:
        if part == "body":
            handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for byte in (b"[" if part == "body" else b"HTTP/1.0 200 OK\r\nX: ") + b" " * 100:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    limits = replace(LIMITS, total_seconds=0.6, read_seconds=0.5, attempts=1)
    with Client(limits) as client:
        begun = time.monotonic()
        got = client.fetch(Request("n", tls_portal.answer("/a", drip)))
    assert (got.outcome, got.data) == ("not-reached", None)
    assert time.monotonic() - begun < 1.5


@contextmanager
def tunnel(to: int) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that takes one CONNECT to wherever and leads it to a local port: its address, and what it was told."""
    told: list[bytes] = []

    def pour(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)

    def lead() -> None:
        near, _ = listener.accept()
        told.append(near.recv(4096))
        with near, socket.create_connection(("127.0.0.1", to)) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pour, args=(far, near), daemon=True)
            back.start()
            pour(near, far)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lead)
        thread.start()
        yield f"http://user:pass-secret@127.0.0.1:{listener.getsockname()[1]}", told
        thread.join(5)


def test_a_portals_proxy_leads_tls_through_and_sees_no_key(tls_portal, certificate, monkeypatch):
    """data.go.th answers Thai addresses only: the proxy learns the host, never the path or a key."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    tls_portal.answer("/a", reply(b'{"a": 1}'))
    port = urlsplit(tls_portal.base).port
    with tunnel(port) as (proxy, told):
        base = f"https://127.0.0.1:{port}"
        with Client(LIMITS, {"data_go_th": base}, KEYS, {"data_go_th": proxy}) as client:
            got = client.fetch(Request("n", f"{base}/a", headers={"api-key": "{key:opend}"}))
    assert (got.outcome, got.data) == ("new", b'{"a": 1}')
    assert told[0].startswith(b"CONNECT 127.0.0.1:") and b"opend-secret" not in told[0]
    assert tls_portal.seen[0][1]["api-key"] == "opend-secret"
    assert "Proxy-Authorization" not in tls_portal.seen[0][1]


# A bounded night.


def bound(limits: Limits, hosts: int) -> float:
    """The formula of ``Budget``."""
    return min(limits.night_seconds + limits.probe_seconds * hosts, limits.host_seconds * hosts)


def waste(budget: Budget, host: str, share: float = 1.0) -> float:
    """A request that fails after a share of what it was given; 0 where nothing is asked."""
    allowance = budget.allow(host)
    if isinstance(allowance, str):
        return 0.0
    budget.note(host, allowance.seconds * share, failing=True)
    return allowance.seconds * share


def test_a_night_without_any_portal_is_bounded():
    """36 cities, 30 portals, several requests each; all of them hang."""
    limits = Limits()
    budget = Budget(limits)
    portals = [f"portal{number}" for number in range(30)]
    lost = sum(waste(budget, portal) for _ in range(36) for portal in portals)
    assert lost <= bound(limits, 30) == 1350
    assert max(budget.lost.values()) <= limits.host_seconds
    assert all(isinstance(budget.allow(portal), str) for portal in portals)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1), st.booleans()), max_size=300),
    st.floats(1, 200),
    st.floats(1, 200),
    st.floats(1, 1000),
)
def test_no_order_of_failures_costs_more_than_the_formula(requests, probe, host, night):
    limits = Limits(probe_seconds=probe, host_seconds=host, night_seconds=night)
    budget = Budget(limits)
    for number, share, good in requests:
        if good:
            if not isinstance(budget.allow(f"h{number}"), str):
                budget.note(f"h{number}", 0, failing=False)
        else:
            waste(budget, f"h{number}", share)
    assert sum(budget.lost.values()) <= bound(limits, 10) + 1e-6
    assert max(budget.lost.values(), default=0) <= host + 1e-6


def test_after_a_lost_night_hosts_that_hung_are_let_be_and_others_get_one_probe():
    limits = Limits()
    budget = Budget(limits)
    for number in range(6):
        while waste(budget, f"dead{number}"):
            pass
    assert sum(budget.lost.values()) == limits.night_seconds
    assert "not asked" in str(budget.allow("dead0"))
    fresh = budget.allow("fresh")
    assert (fresh.seconds, fresh.attempts) == (limits.probe_seconds, 1)
    budget.note("fresh", 0.0, failing=False)
    assert budget.allow("fresh") == fresh, "one that answers goes on being asked"
    budget.note("fresh", fresh.seconds, failing=True)
    assert "not asked" in str(budget.allow("fresh"))


def test_a_host_that_failed_is_probed_until_it_answers():
    budget = Budget(Limits())
    full = budget.allow("h")
    budget.note("h", 20, failing=True)
    assert (budget.allow("h").seconds, budget.allow("h").attempts) == (15, 1)
    budget.note("h", 0, failing=False)
    assert (budget.allow("h").seconds, budget.allow("h").attempts) == (130, full.attempts)


def test_a_portal_that_hangs_costs_its_share_and_no_other_portal_anything(portal, client):
    """20 cities ask it; real sockets."""
    release = threading.Event()
    url = portal.answer("/a", hang(release))
    begun = time.monotonic()
    outcomes = [client.fetch(Request("n", url)).outcome for _ in range(20)]
    took = time.monotonic() - begun
    assert outcomes == ["not-reached"] * 20
    assert took < LIMITS.host_seconds + 0.5
    assert "not asked" in client.fetch(Request("n", url)).reason
    asked = len(portal.seen)
    client.fetch(Request("n", url))
    assert len(portal.seen) == asked < 9
    with serving() as other:
        assert client.fetch(Request("n", other.answer("/b", reply()))).outcome == "new"
    release.set()


def test_a_night_of_hanging_portals_ends_in_time(portal):
    """Eight portals hang, one drips; the ninth, a healthy one, is still asked."""
    release = threading.Event()
    names = ["dopa", "egat", "eppo", "firms", "gistda", "longdo", "mot", "nso"]
    bases = {name: f"{portal.base}/{name}" for name in [*names, "tmd"]}

    def drip(handler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(0.02)

    for name in names:
        portal.answer(f"/{name}/a", drip if name == "dopa" else hang(release))
    portal.answer("/tmd/a", reply())
    with Client(LIMITS, bases) as client:
        begun = time.monotonic()
        for _ in range(10):
            for name in names:
                assert client.fetch(Request("n", f"{bases[name]}/a")).outcome == "not-reached"
        took = time.monotonic() - begun
        assert client.fetch(Request("n", f"{bases['tmd']}/a")).outcome == "new"
        lost = dict(client.budget.lost)
    release.set()
    assert took < bound(LIMITS, len(names)) + 1
    assert lost["dopa"] >= LIMITS.total_seconds, "a drip is lost time"
    assert sum(lost.values()) == pytest.approx(took, abs=0.5)


def test_quick_refusals_cost_no_patience(portal, client):
    """A firewall that says 403 at once to 36 cities has lost no time, and may let a later request through."""
    url = portal.answer("/a", reply(b"<html>WAF</html>", status=403))
    assert {client.fetch(Request("n", url)).status for _ in range(36)} == {403}
    url = portal.answer("/b", reply(status=503), reply())
    assert client.fetch(Request("n", url)).outcome == "new", "the full number of attempts"
