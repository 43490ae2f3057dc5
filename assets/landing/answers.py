"""What an answer says, or that there is none: reasons, in words that an operator can act on, that hold no URL."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, HTTPException, LineTooLong, RemoteDisconnected
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from assets.landing.request import Request

_PAGES = (b"<!doctype html", b"<html", b"<!--", b"<head", b"<body", b"<script", b"<meta", b"<title", b"<div", b"<p>")
"""How pages for people begin, that portals send in place of data."""

_HEAD = 4096
"""Bytes in which a page shows itself and has its title."""
_PAGE = re.compile(rb"^[^{\[]*<(?:!doctype html|html|head)[\s>]")
"""A page behind what a script of it complains of."""
_SEPARATORS = re.compile(rb"[,;\t|]")
_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")
"""How ZIP archives begin, which workbooks are too, and gzip and old workbooks."""

_ABSENT: tuple[tuple[type[BaseException], str], ...] = (
    (ProxyError, "the proxy does not answer"),
    (NameResolutionError, "the host's name is not known"),
    (socket.gaierror, "the host's name is not known"),
    (ConnectionRefusedError, "the connection is refused"),
    (RemoteDisconnected, "the connection was closed without an answer"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was reset"),
    (BadStatusLine, "what came is no HTTP"),
    (LineTooLong, "a header of the answer is too long"),
    (HTTPException, "the answer has too many headers, or none that can be read"),
    (NewConnectionError, "the host cannot be reached"),
    (ConnectTimeoutError, "no connection within the time for it"),
    (ReadTimeoutError, "no answer within the time for it"),
    (TimeoutError, "no answer within the time for it"),
    (OSError, "the host cannot be reached"),
)
"""What may lie below a failed connection, the most telling first."""


def unanswered(error: BaseException) -> str:
    """Why no answer came, by what lies below ``error``: another name, a firewall or a crash need other hands."""
    below = list(_causes(error))
    for kind, words in _ABSENT:
        # requests' own exceptions are OSErrors and tell nothing.
        if any(isinstance(each, kind) and not isinstance(each, requests.RequestException) for each in below):
            return f"no answer: {words}"
    return f"no answer ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = [error]
    for each in seen:
        yield each
        told = [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
        seen += [one for one in told if isinstance(one, BaseException) and all(one is not known for known in seen)]


def may_follow(response: requests.Response, url: str, target: str, request: Request) -> bool:
    """Within a host, to its port or that of TLS, never down from TLS, and not where a POST would become a GET: headers,
    parameters and form may hold a key. To one of the request's other ``hosts`` over TLS, and then without them."""
    here, there = urlsplit(url), urlsplit(target)
    if here.hostname != there.hostname:
        return request.form is None and there.scheme == "https" and there.hostname in request.hosts
    return (
        there.port in {here.port, None, 443}
        and there.scheme in {here.scheme, "https"}
        and (response.request.method == "GET" or response.status_code in (307, 308))
    )


def redirected(status: int, url: str, target: str) -> str:
    """Reason not to follow a redirect. A host is named, so that it can be allowed; nothing else of the address is."""
    if not target:
        return f"redirects to no address that can be read (HTTP {status})"
    here, there = urlsplit(url).hostname, urlsplit(target).hostname
    if there and there != here:
        where = "if it is right, name it in allow_hosts of a CKAN source, or as the portal in MUANG_PORTALS"
        return f"redirects to {there} (HTTP {status}), a host that is not the portal's: {where}"
    return f"redirects elsewhere or too often (HTTP {status})"


def retry_after(response: requests.Response) -> float:
    """Seconds the portal asks to wait; 0 where it asks nothing."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        return max(float(text) if re.fullmatch(r"[0-9.]+", text) else _seconds_until(text), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _seconds_until(http_date: str) -> float:
    moment = parsedate_to_datetime(http_date)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()


def _title(data: bytes) -> str:
    """The title of a page, which tells a page that is not there from a portal that is closed."""
    found = re.search(rb"<title[^>]*>([^<]{1,400})", data[:_HEAD], re.IGNORECASE)
    if found is None:
        return ""
    try:
        title = found[1].decode()
    except UnicodeDecodeError:
        title = found[1].decode("cp874", "replace")
    return f" ({' '.join(title.split())[:80]!r})"


def fault_of(request: Request, data: bytes) -> str | None:
    """Reason to call whole, non-blank bytes a bad answer; None if they are what was asked for."""
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:_HEAD].lower()
    if head.startswith(_PAGES) or (request.expect != "text" and head.startswith(b"<")) or _PAGE.search(head):
        return f"an HTML page or XML{_title(data)} came where {request.expect} was expected"
    if request.expect == "csv" and not data.startswith(_PACKED) and not _SEPARATORS.search(data.replace(b"\0", b"")):
        return "a text without columns came where csv was expected"
    if request.expect == "zip" and not data.startswith(_PACKED[:2]):
        return "the answer is not a ZIP archive"
    if request.expect == "json":
        try:
            json.loads(data)
        except (ValueError, RecursionError):
            return "the answer is not valid JSON"
    try:
        return request.check(data) if request.check else None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return f"the answer has another shape than its interface promises ({type(error).__name__})"
