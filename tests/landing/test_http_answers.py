"""What the client says of answers that are none, and of those that other clients read."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from assets.landing.answers import may_follow
from assets.landing.http import Client, Limits
from assets.landing.request import Request

OK = b'{"a": 1}'
FAST = Limits(attempts=1, connect_seconds=2, read_seconds=2, backoff_seconds=0)


@contextmanager
def answering(answer: bytes | Callable[[str], bytes]) -> Iterator[str]:
    """A server on a raw socket that answers every request with these bytes."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (got := connection.recv(65536)):
                    head += got
                path = head.split(b" ")[1].decode("latin-1")
                connection.sendall(answer(path) if callable(answer) else answer)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


def http(body: bytes = OK, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    lines += ["Connection: close"] + ([] if "Content_Length" in headers else [f"Content-Length: {len(body)}"])
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def fetched(url: str, **asked: Any) -> Any:
    with Client(FAST) as client:
        return client.fetch(Request("n", url, **asked))


@pytest.mark.parametrize(
    "answer",
    [
        http(Content_Encoding="UTF-8"),
        http(Content_Encoding="none"),
        http(gzip.compress(OK) + b"\0" * 20, Content_Encoding="gzip"),
        http(zlib.compress(OK)[2:-4], Content_Encoding="deflate"),
        http(zlib.compress(OK), Content_Encoding="deflate"),
        http(gzip.compress(OK[:3]) + gzip.compress(OK[3:]), Content_Encoding="gzip"),
        http(Content_Encoding="gzip"),
        http(zlib.compress(OK), Content_Encoding="gzip"),
    ],
    ids=["utf-8", "none", "padded", "raw deflate", "deflate", "two members", "plain for gzip", "deflate for gzip"],
)
def test_bodies_that_browsers_read_are_read(answer: bytes) -> None:
    with answering(answer) as base:
        got = fetched(f"{base}/x")
    assert (got.outcome, got.data) == ("new", OK)


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (http(b"", "103 Early Hints"), "not-reached", "HTTP 103"),
        (http(b'{"state": "processing"}', "202 Accepted"), "not-reached", "HTTP 202"),
        (http(b"", "302 Found", Location="https://store.example/f?sig=s"), "bad-answer", "redirects to store.example"),
        (http(Content_Length="99999999999"), "bad-answer", "larger than"),
        (b"", "not-reached", "closed without an answer"),
        (b"hello there\r\n\r\n", "not-reached", "no HTTP"),
        (http(**{f"X-{n}": "1" for n in range(200)}), "not-reached", "too many headers"),
        (http(X="a" * 100_000), "not-reached", "header of the answer is too long"),
        (http(b"", "302 Found", Location="http://127.0.0.1:abc/?sig=s"), "bad-answer", "no address that can be read"),
        (http(b"", "302 Found", Location="http://[bad/"), "bad-answer", "no address that can be read"),
        (http(b"", "302 Found"), "bad-answer", "no address that can be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 3\r\n\r\n" + OK, "bad-answer", "contradict"),
    ],
)
def test_an_answer_that_is_none_says_which(answer: bytes, outcome: str, reason: str) -> None:
    with answering(answer) as base:
        got = fetched(f"{base}/x")
    assert got.outcome == outcome and reason in got.reason and "sig" not in got.reason
    assert got.data is None


@pytest.mark.parametrize("page", [b"<!-- x --><html>", b"\n<script>location='/'</script>", b"<div>down</div>"])
def test_a_page_is_no_text(page: bytes) -> None:
    with answering(http(page)) as base:
        assert fetched(f"{base}/x", expect="text").outcome == "bad-answer"


def test_a_soft_404_is_told_by_its_title() -> None:
    page = "<html><head><title>\n ไม่พบหน้าที่ท่านต้องการ </title></head><body>…</body></html>"
    for body in (
        page.encode(),
        page.replace("…", "").encode("cp874"),
        b"Warning: x in <b>y</b><br />\n" + page.encode(),
    ):
        with answering(http(body, Content_Type="text/csv")) as base:
            for expect in ("csv", "json", "text"):
                got = fetched(f"{base}/x", expect=expect)
                assert got.outcome == "bad-answer" and "ไม่พบหน้าที่ท่านต้องการ" in got.reason
    with answering(http("ไม่พบไฟล์".encode())) as base:
        assert "without columns" in fetched(f"{base}/x", expect="csv").reason


@pytest.mark.parametrize("cut", [20, 1])
def test_what_was_packed_and_broken_is_no_plain_text(cut: int) -> None:
    packed = gzip.compress(OK * 9)
    with answering(http(packed[:-cut] + b"\xff" * (cut == 20), Content_Encoding="gzip")) as base:
        assert fetched(f"{base}/x").outcome == "bad-answer"


def test_a_redirect_with_blanks_is_read_as_browsers_do() -> None:
    def answer(path: str) -> bytes:
        moved = http(b"", "302 Found", Location=" /a b.csv ")
        return moved if path == "/x" else http() if path == "/a%20b.csv" else http(b"none", "404 Not Found")

    with answering(answer) as base:
        assert fetched(f"{base}/x").data == OK


def test_why_nothing_answers_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refused" in fetched(f"http://127.0.0.1:{port}/").reason
    assert "name is not known" in fetched("http://no-such-host.invalid/").reason


def test_a_redirect_to_a_path_in_thai_is_followed() -> None:
    def answer(path: str) -> bytes:
        if path == "/x":
            return "HTTP/1.1 301 Moved\r\nLocation: /ปี\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        return http() if path == "/%E0%B8%9B%E0%B8%B5" else http(b"none", "404 Not Found")

    with answering(answer) as base:
        assert fetched(f"{base}/x").data == OK


@pytest.mark.parametrize(
    ("target", "follows"),
    [
        ("https://files.example/f.csv?sig=1", True),
        ("http://files.example/f.csv", False),
        ("https://other.example/f.csv", False),
        ("https://portal.example/f.csv", True),
    ],
)
def test_only_hosts_that_are_named_are_followed_to_and_only_over_tls(target: str, follows: bool) -> None:
    response: Any = SimpleNamespace(request=SimpleNamespace(method="GET"), status_code=302)
    request = Request("n", "https://portal.example/d", hosts=("files.example",))
    assert may_follow(response, request.url, target, request) is follows
    posted = Request("n", request.url, hosts=request.hosts, form={"a": "b"})
    if "files" in target:
        assert not may_follow(response, request.url, target, posted), "a form may hold a key"
