"""The HTTP client: one GET, judged, and the driver that lands what a source's plan asks for.

HTTP 200 is not success: an answer counts as ``new`` only when it arrived whole, is of the kind the request expects and
passes the request's own check. A portal's fault is an outcome with a reason, never an exception. Kept URLs and reasons
hold no secret.
"""

import json
import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from assets.landing.receipts import Archive, Outcome, Receipt
from assets.sources import Request

USER_AGENT = "Mozilla/5.0 (compatible; Muang/0.1; city data platform)"
"""Several agency catalogues answer 403 to a client whose name does not begin like a browser's."""

SECRET_PARAMETER = re.compile(r"(?i)(.*[_-])?(key|token|secret|password|passwd|pwd|signature|sig|auth|credential)s?")
SECRET_NAMES = frozenset({"apikey", "appkey", "ukey", "uid", "mapkey", "appid", "accesstoken", "usertoken"})
"""Query parameters whose value is a credential at some portal (TMD: uid and ukey; GovSpending: user_token)."""

TRANSIENT = frozenset({408, 429})
"""Statuses worth another attempt besides 5xx."""

_CHUNK = 64 * 1024
_CODES: dict[Outcome, str] = {
    "not-reached": "answer-not-reached",
    "bad-answer": "answer-bad",
    "empty": "answer-empty",
}
_jitter = random.SystemRandom()


@dataclass(frozen=True)
class Limits:
    """How long and how much one request may take."""

    connect_seconds: float = 10.0
    """A TCP and TLS handshake to a distant host takes 1 s; a firewall that drops packets never answers."""
    read_seconds: float = 30.0
    """Longest silence: CKAN nodes take up to 20 s for a first page."""
    total_seconds: float = 180.0
    """Wall clock of a request with all its attempts, so that a body that drips in cannot hold the night."""
    attempts: int = 4
    """Gateways of the portals fail for seconds, not hours; a longer outage is the next night's."""
    backoff_seconds: float = 1.0
    """First wait; doubles each time and is drawn at random below that, so that cities do not retry in step."""
    retry_after_seconds: float = 60.0
    """Most of a portal's Retry-After that is waited for."""
    redirects: int = 5
    """Same-host redirects (http to https, a moved path) that are followed."""
    silences: int = 2
    """Requests in a row that a host leaves without any answer before it is let be for ``rest_seconds``."""
    probe_seconds: float = 15.0
    """All that a host gets that left the request before unanswered: a portal that hangs must not cost every city
    minutes."""
    rest_seconds: float = 600.0
    """How long a silent host is not asked; a night over 36 cities takes about a minute besides its portals."""
    bytes: int = 256 * 1024 * 1024
    """Of the decoded body. The largest known answer, the GTFS feed, has about 60 MB."""


@dataclass(frozen=True)
class Answer:
    """What came of a request. ``data`` is None unless bytes came that are worth keeping (new or bad-answer)."""

    outcome: Outcome
    url: str
    status: int | None = None
    reason: str | None = None
    data: bytes | None = field(default=None, repr=False)
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None

    @property
    def code(self) -> str | None:
        """Problem code (``quality.problems``) of an outcome that brought nothing to read."""
        return _CODES.get(self.outcome)


@dataclass(frozen=True)
class _Attempt:
    """An answer, and how many seconds to wait at least before another attempt; None: it is final."""

    answer: Answer
    retry_in: float | None = None


class Client:
    """GETs what sources ask for, one request at a time, with TLS verification always on. Never raises on a portal's
    fault. Close it, or use it as a context manager."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._silent: dict[str, tuple[int, float]] = {}  # host: silences in a row, and when the last one ended

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fetch(self, request: Request, known: Receipt | None = None) -> Answer:
        """Ask, again where the fault looks passing, and judge the answer.

        ``known`` is the last receipt with content under the request's name: its validators make the request
        conditional. Outcomes: see ``assets.landing.receipts.Outcome``; refused access (401, 403) is ``not-reached``,
        because a portal that shuts a client out has not said that it has no data. A host that stays silent is asked
        once more, briefly, and then let be for a while.
        """
        host = re.split(r"[/?#]", re.sub(r"^\w+://", "", request.url))[0].rpartition("@")[2]
        silences, since = self._silent.get(host, (0, 0.0))
        if silences >= self.limits.silences and time.monotonic() < since + self.limits.rest_seconds:
            reason = f"not asked: the host left {silences} requests in a row unanswered"
            return Answer("not-reached", without_secrets(_full_url(request)), reason=reason)
        answer = self._fetched(request, known, probe=silences > 0)
        if answer.outcome == "not-reached" and answer.status is None:
            self._silent[host] = silences + 1, time.monotonic()
        else:
            self._silent.pop(host, None)
        return answer

    def _fetched(self, request: Request, known: Receipt | None, probe: bool) -> Answer:
        deadline = time.monotonic() + (self.limits.probe_seconds if probe else self.limits.total_seconds)
        attempts = 1 if probe else self.limits.attempts
        for attempt in range(attempts):
            made = self._attempt(request, known if request.conditional else None, deadline)
            if made.retry_in is None or attempt + 1 == attempts:
                break
            wait = max(made.retry_in, _jitter.uniform(0, self.limits.backoff_seconds * 2**attempt))
            if time.monotonic() + wait >= deadline:
                break
            time.sleep(wait)
        return made.answer

    def _attempt(self, request: Request, known: Receipt | None, deadline: float) -> _Attempt:
        url = without_secrets(_full_url(request))

        def final(outcome: Outcome, reason: str, **facts: Any) -> _Attempt:
            return _Attempt(Answer(outcome, url, reason=reason, **facts))

        try:
            response = self._send(request, known, deadline)
        except requests.exceptions.SSLError:
            return final("not-reached", "the TLS connection failed or its certificate is not valid")
        except (requests.ConnectionError, requests.Timeout) as error:
            # The exception's own text holds the URL with its secrets.
            return _Attempt(Answer("not-reached", url, reason=f"no answer ({type(error).__name__})"), retry_in=0)
        except (requests.RequestException, ValueError) as error:
            return final("not-reached", f"the request cannot be sent ({type(error).__name__})")
        with response:
            facts: dict[str, Any] = {
                "status": response.status_code,
                "etag": response.headers.get("ETag"),
                "last_modified": response.headers.get("Last-Modified"),
                "content_type": response.headers.get("Content-Type"),
            }
            status = response.status_code
            if status == 304 and known is not None:
                return _Attempt(Answer("unchanged", url, **facts))
            if status in (401, 403, 407):
                return final("not-reached", f"access refused (HTTP {status})", **facts)
            if status in TRANSIENT or status >= 500:
                answer = Answer("not-reached", url, reason=f"the portal cannot answer now (HTTP {status})", **facts)
                return _Attempt(answer, retry_in=self._retry_after(response))
            if 300 <= status < 400:
                return final("bad-answer", f"redirects elsewhere or too often (HTTP {status})", **facts)
            data, fault, passing = self._body(response, deadline)
        if fault is not None:
            outcome: Outcome = "bad-answer" if data is not None else "not-reached"
            return _Attempt(Answer(outcome, url, reason=fault, data=data or None, **facts), 0 if passing else None)
        if status >= 400 or status == 206:
            return final("bad-answer", f"HTTP {status}", data=data, **facts)
        if not data or not data.strip():
            return final("empty", "the answer has no content", **facts)
        reason = _judged(request, data)
        return _Attempt(Answer("bad-answer" if reason else "new", url, reason=reason, data=data, **facts))

    def _send(self, request: Request, known: Receipt | None, deadline: float) -> requests.Response:
        headers = dict(request.headers)
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        url = _full_url(request)
        for _ in range(self.limits.redirects + 1):
            left = max(deadline - time.monotonic(), 0.001)
            timeout = (min(self.limits.connect_seconds, left), min(self.limits.read_seconds, left))
            response = self._session.get(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False)
            target = urljoin(url, response.headers.get("Location", ""))
            # Only within a host and never down from TLS: headers and parameters may hold a key.
            here, there = urlsplit(url), urlsplit(target)
            safe = here.hostname == there.hostname and there.scheme in {here.scheme, "https"}
            if not response.is_redirect or not safe:
                return response
            response.close()
            url = target
        return response

    def _body(self, response: requests.Response, deadline: float) -> tuple[bytes | None, str | None, bool]:
        """Body (None: not worth keeping), fault, and whether another attempt may help."""
        body = bytearray()
        try:
            # read1 hands over what has arrived, so that the clock is looked at however slowly bytes come.
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                body += chunk
                if len(body) > self.limits.bytes:
                    # Empty, not None: an answer came, but none of it is kept.
                    return b"", f"the answer is larger than {self.limits.bytes} bytes", False
                if time.monotonic() > deadline:
                    return None, f"the answer took longer than {self.limits.total_seconds:g} s", False
        except urllib3.exceptions.TimeoutError:
            return None, f"the answer stopped for {self.limits.read_seconds:g} s", True
        except urllib3.exceptions.DecodeError:
            return bytes(body), "the answer's compression is broken", False
        except (urllib3.exceptions.HTTPError, OSError):
            return bytes(body), f"the answer broke off after {len(body)} bytes", True
        return bytes(body), None, False

    def _retry_after(self, response: requests.Response) -> float:
        """Seconds the portal asks to wait, capped; 0 where it asks nothing."""
        text = response.headers.get("Retry-After", "").strip()
        try:
            seconds = float(text) if text.isdigit() else _seconds_until(text)
        except (TypeError, ValueError):
            return 0.0
        return min(max(seconds, 0.0), self.limits.retry_after_seconds)


def _seconds_until(http_date: str) -> float:
    moment = parsedate_to_datetime(http_date)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()


def _full_url(request: Request) -> str:
    if not request.params:
        return request.url
    return f"{request.url}{'&' if '?' in request.url else '?'}{urlencode(request.params)}"


def without_secrets(url: str) -> str:
    """``url`` with the values of credential parameters replaced and without user and password."""
    try:
        parts = urlsplit(url)
        query = [
            (name, "REDACTED" if _is_secret(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=urlencode(query), fragment=""))
    except ValueError:
        return "not a URL"


def _is_secret(name: str) -> bool:
    return bool(SECRET_PARAMETER.fullmatch(name)) or re.sub(r"[^a-z]", "", name.lower()) in SECRET_NAMES


def _judged(request: Request, data: bytes) -> str | None:
    """Reason to call whole, non-blank bytes a bad answer; None if they are what was asked for."""
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if head.startswith((b"<!doctype html", b"<html")) or (request.expect != "text" and head.startswith(b"<")):
        return f"an HTML page or XML came where {request.expect} was expected"
    if request.expect == "zip" and not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
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


def run_plan(
    archive: Archive,
    client: Client,
    source_name: str,
    city_slug: str,
    day: date,
    plan: Generator[Request, bytes | None, None],
    run: str,
    now: Callable[[], datetime],
    synthetic: bool = False,
) -> list[Receipt]:
    """Fetch and land everything ``plan`` asks for, in its order; one receipt a request, whatever came of it.

    The plan is sent the bytes of each usable answer: those that came, or after "not modified" those landed before.
    After any other outcome it is sent None. Raises only what the archive's store raises.
    """
    receipts: list[Receipt] = []
    request = next(plan, None)
    while request is not None:
        known = archive.last_content(city_slug, source_name, request.name) if request.conditional else None
        answer = client.fetch(request, known)
        facts: Mapping[str, str | int | bool | None] = {
            "code": answer.code,
            "reason": answer.reason,
            "status": answer.status,
            "etag": answer.etag,
            "last_modified": answer.last_modified,
            "content_type": answer.content_type,
            "synthetic": synthetic,
        }
        receipts.append(
            archive.land(
                city=city_slug,
                source=source_name,
                day=day,
                name=request.name,
                origin=answer.url,
                data=answer.data,
                # The archive knows whether these bytes came before.
                outcome=None if answer.outcome == "new" else answer.outcome,
                first_seen=now(),
                run=run,
                **facts,
            )
        )
        usable = answer.data if answer.outcome == "new" else None
        if answer.outcome == "unchanged" and known is not None:
            usable = archive.bytes_of(known)
        try:
            request = plan.send(usable)
        except StopIteration:
            request = None
    return receipts
