"""The HTTP client: one question, judged, and the driver that lands what a source's plan asks for.

HTTP 200 is not success: an answer counts as ``new`` only when it arrived whole, is of the kind the request expects and
passes the request's own check. A portal's fault is an outcome with a reason, never an exception. Kept URLs and reasons
hold no secret (``assets.landing.secrets``); what a run may lose on portals that fail is bounded
(``assets.landing.budget``).
"""

import random
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.utils import requote_uri

from assets.landing.answers import fault_of, may_follow, redirected, retry_after, unanswered
from assets.landing.archive import Archive, Delivery, Outcome, Receipt
from assets.landing.budget import Budget, Limits
from assets.landing.request import Request
from assets.landing.secrets import carried, cut, full_url, scrubbed, secret_names, with_secrets, without_secrets
from assets.landing.sites import Site, Sites
from assets.landing.store import Damaged
from assets.landing.transport import ENCODINGS, NOT_OFFERED, Adapter, Session, cut_after, inflated

__all__ = ["Answer", "Client", "Limits", "run_plan", "without_secrets"]

USER_AGENT = "Mozilla/5.0 (compatible; Muang/0.1; city data platform)"
"""Several agency catalogues answer 403 to a client whose name does not begin like a browser's."""

REFUSED = frozenset({401, 403, 407, 418, 451})
"""Statuses that shut the client out. Firewalls before portals answer 403 to foreign and data-centre addresses
(data.go.th) and 418 (NSO): whatever page they send, they have not said that there is no data."""

TRANSIENT = frozenset({102, 103, 202, 408, 425, 429})
"""Statuses worth another attempt besides 5xx: that of an answer still to come (102, 103 and 202) is none yet."""

NO_RECORDS = b"NoRecordsFound"
"""What NSO's SDMX service says with a 404 where a flow has no rows for the question: it was reached, and is empty."""

_CHUNK = 64 * 1024
_CODES: dict[Outcome, str] = {
    "not-reached": "answer-not-reached",
    "bad-answer": "answer-bad",
    "empty": "answer-empty",
}
_SAID = ("reason", "etag", "last_modified", "content_type")
"""What of an answer is a portal's own words, besides its bytes."""
_jitter = random.SystemRandom()


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
    secrets_cut: int | None = None
    """Places in ``data`` where the portal had repeated a secret of the request."""

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
    """Asks what sources ask for, with TLS verification always on; one request at a time, over one connection a host.
    Never raises on a portal's fault. Close it, or use it as a context manager.

    A client lives for one run, because it counts what each host has lost in it. ``portals`` maps portal names to base
    URLs (default: the built-in ones), ``keys`` the names of placeholders to secrets, ``proxies`` portal names to proxy
    URLs; such a proxy goes before those of the environment (``HTTPS_PROXY``, ``NO_PROXY``). Requests to a host are
    spaced by its portal's rate; this client knows of its own requests only.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        portals: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self.budget = Budget(self.limits)
        self._sites = Sites(portals or {}, proxies or {})
        self._keys = {name: secret for name, secret in (keys or {}).items() if secret}
        self._clock, self._sleep = clock, sleep
        self._next: dict[str, float] = {}  # site: when it may be asked again
        self._session = Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter())

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
        conditional, unless it is a POST. A POST is tried again like a GET, because those of the portals only ask.
        Outcomes: see ``assets.landing.archive.Outcome``; refused access is ``not-reached``, because a portal that
        shuts a client out has not said that it has no data. Without a key that the request wants nothing is asked.
        """
        url = without_secrets(full_url(request))
        names = secret_names(request)
        if lacking := [name for name in names if name not in self._keys]:
            return Answer("not-reached", url, reason=f"not asked: set the key {' and '.join(lacking)} in MUANG_KEYS")
        site = self._sites.of(request.url)
        allowance = self.budget.allow(site.name)
        if isinstance(allowance, str):
            return Answer("not-reached", url, reason=allowance)
        asked = _Asked(
            with_secrets(request, self._keys),
            known if request.conditional and request.form is None else None,
            url,
            site,
        )
        answer = self._tried(asked, allowance.seconds, allowance.attempts)
        # A portal may repeat a secret in what it says.
        secrets = carried(request, self._keys)
        data, places = cut(answer.data, secrets) if answer.data else (answer.data, 0)
        said: dict[str, Any] = {name: scrubbed(getattr(answer, name), secrets) for name in _SAID}
        return replace(answer, data=data, secrets_cut=places or None, **said)

    def _tried(self, asked: "_Asked", seconds: float, attempts: int) -> Answer:
        self._turn(asked.site)
        begun = self._clock()
        deadline, lost = begun + seconds, 0.0
        for attempt in range(attempts):
            attempted = self._attempt(asked, deadline)
            if attempted.answer.outcome in ("new", "unchanged"):
                break
            lost = self._clock() - begun
            if attempted.retry_in is None or attempt + 1 == attempts:
                break
            wait = max(attempted.retry_in, _jitter.uniform(0, self.limits.backoff_seconds * 2**attempt))
            if self._clock() + wait >= deadline:
                break
            self._sleep(wait)
            self._turn(asked.site)
            lost = self._clock() - begun
        failing = attempted.answer.outcome == "not-reached" and attempted.answer.status not in REFUSED
        self.budget.note(asked.site.name, lost, failing)
        return attempted.answer

    def _turn(self, site: Site) -> None:
        """Wait until the site may be asked again."""
        now = self._clock()
        due = max(self._next.get(site.name, now), now)
        if due > now:
            self._sleep(due - now)
        self._next[site.name] = due + site.spacing

    def _attempt(self, asked: "_Asked", deadline: float) -> _Attempt:
        def final(outcome: Outcome, reason: str, **facts: Any) -> _Attempt:
            return _Attempt(Answer(outcome, asked.url, reason=reason, **facts))

        try:
            response = self._send(asked, deadline)
        # No exception's own text is kept: it holds the URL with its secrets, or the proxy's.
        except requests.exceptions.SSLError:
            return final("not-reached", "the TLS connection failed or its certificate is not valid")
        except (requests.exceptions.InvalidHeader, urllib3.exceptions.InvalidHeader):
            return final("bad-answer", "the headers of the answer contradict each other")
        except (requests.ConnectionError, requests.Timeout) as error:
            return _Attempt(Answer("not-reached", asked.url, reason=unanswered(error)), retry_in=0)
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            return final("not-reached", f"the request cannot be sent ({type(error).__name__})")
        facts: dict[str, Any] = {
            "status": response.status_code,
            "etag": response.headers.get("ETag"),
            "last_modified": response.headers.get("Last-Modified"),
            "content_type": response.headers.get("Content-Type"),
        }
        with response:
            headed = self._of_head(asked, response, facts)
            if headed is not None:
                return headed
            data, fault, passing = self._body(response, deadline)
        if fault is not None:
            outcome: Outcome = "bad-answer" if data is not None else "not-reached"
            return _Attempt(
                Answer(outcome, asked.url, reason=fault, data=data or None, **facts), 0 if passing else None
            )
        status = response.status_code
        if status == 404 and data and NO_RECORDS in data[:_CHUNK]:
            return final("empty", "the portal has no records for what was asked", **facts)
        if status >= 400 or status == 206:
            return final("bad-answer", f"HTTP {status}", data=data, **facts)
        if not data or not data.strip():
            return final("empty", "the answer has no content", **facts)
        reason = fault_of(asked.request, data)
        return _Attempt(Answer("bad-answer" if reason else "new", asked.url, reason=reason, data=data, **facts))

    def _of_head(self, asked: "_Asked", response: requests.Response, facts: dict[str, Any]) -> _Attempt | None:
        """What status and headers alone decide; None where the body is asked."""
        status, told = response.status_code, response.headers.get("Content-Length", "")

        def ended(outcome: Outcome, reason: str | None, retry_in: float | None = None) -> _Attempt:
            return _Attempt(Answer(outcome, asked.url, reason=reason, **facts), retry_in)

        if status == 304 and asked.known is not None:
            return ended("unchanged", None)
        if status in REFUSED:
            return ended("not-reached", f"access refused (HTTP {status})")
        if status in TRANSIENT or status >= 500:
            busy, wait = f"the portal cannot answer now (HTTP {status})", retry_after(response)
            if wait > self.limits.retry_after_seconds:
                return ended("not-reached", f"{busy} and asks to be let be for {wait:.0f} s")
            return ended("not-reached", busy, wait)
        if 300 <= status < 400:
            return ended("bad-answer", redirected(status, response.url, _target(response)))
        too_large = told.isdigit() and int(told) > self.limits.bytes
        return ended("bad-answer", self._too_large) if too_large else None

    def _send(self, asked: "_Asked", deadline: float) -> requests.Response:
        request, known = asked.request, asked.known
        headers = dict(request.headers)
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        url = full_url(request)
        for hop in range(self.limits.redirects + 1):
            if hop:
                self._turn(asked.site)
            left = max(deadline - self._clock(), 0.001)
            response = self._session.request(
                "GET" if request.form is None else "POST",
                url,
                headers=headers,
                data=request.form,
                timeout=urllib3.Timeout(left, self.limits.connect_seconds, self.limits.read_seconds),  # type: ignore[arg-type]
                stream=True,
                allow_redirects=False,
                proxies={"http": asked.site.proxy, "https": asked.site.proxy} if asked.site.proxy else None,
            )
            if not response.is_redirect or not may_follow(response, url, target := _target(response), request):
                return response
            response.close()
            if urlsplit(target).hostname != urlsplit(url).hostname:
                headers = {}
            url = target
        return response

    @property
    def _too_large(self) -> str:
        return f"the answer is larger than {self.limits.bytes} bytes"

    def _body(self, response: requests.Response, deadline: float) -> tuple[bytes | None, str | None, bool]:
        """Body (None: not worth keeping), fault, and whether another attempt may help."""
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in NOT_OFFERED:
            return b"", "the answer is packed in a way that was not offered", False
        slow = (None, "the answer did not come whole in the time it was given", False)
        # read1 hands over what has arrived, so that the clock is looked at however slowly bytes come.
        chunks: Iterator[bytes] = iter(lambda: response.raw.read1(_CHUNK, decode_content=False), b"")
        body = bytearray()
        with cut_after(max(deadline - self._clock(), 0), response.raw.shutdown) as late:
            try:
                for part in inflated(chunks, coding) if coding in ENCODINGS else chunks:
                    body += part
                    if len(body) > self.limits.bytes:
                        # Empty, not None: an answer came, but none of it is kept.
                        return b"", self._too_large, False
                    if self._clock() > deadline:
                        return slow
            except urllib3.exceptions.TimeoutError:
                return None, f"the answer stopped for {self.limits.read_seconds:g} s", True
            except zlib.error:
                return bytes(body), "the answer's compression is broken", False
            except (urllib3.exceptions.HTTPError, OSError, EOFError):
                fault = f"the answer broke off after {len(body)} bytes"
                return slow if late.is_set() else (bytes(body), fault, True)
        # A connection that is shut looks like a body that has ended.
        return slow if late.is_set() else (bytes(body), None, False)


_REDIRECTS = requests.sessions.SessionRedirectMixin()


def _target(response: requests.Response) -> str:
    """Where a redirect leads, with a path of any letters as browsers read it."""
    told = _REDIRECTS.get_redirect_target(response)
    try:
        target = requote_uri(urljoin(response.url, told.strip())) if told else ""
        _ = urlsplit(target).port  # raises where it is none
    except ValueError:
        return ""
    return target


@dataclass(frozen=True)
class _Asked:
    """A request on its way. ``request`` holds secrets and is never kept; ``url`` is what is."""

    request: Request = field(repr=False)
    known: Receipt | None
    url: str
    site: Site


def run_plan(
    archive: Archive, client: Client, delivery: Delivery, plan: Generator[Request, bytes | None, None]
) -> list[Receipt]:
    """Fetch and land everything ``plan`` asks for, in its order; one receipt a request, whatever came of it.

    The plan is sent the bytes of each usable answer: those that came, or after "not modified" those landed before.
    After any other outcome it is sent None. Raises only what the archive's store raises.
    """
    receipts: list[Receipt] = []
    request = next(plan, None)
    while request is not None:
        known = None
        if request.conditional:
            known = archive.last_content(delivery.city, delivery.source, request.name, delivery.day)
        answer = client.fetch(request, known)
        usable = answer.data if answer.outcome == "new" else None
        if answer.outcome == "unchanged" and known is not None:
            try:
                usable = archive.bytes_of(known)
            except Damaged:  # asked for whole, the same bytes mend it
                answer = client.fetch(request)
                usable = answer.data if answer.outcome == "new" else None
        receipts.append(
            archive.land(
                delivery,
                request.name,
                answer.url,
                answer.data,
                # The archive knows whether these bytes came before.
                None if answer.outcome == "new" else answer.outcome,
                code=answer.code,
                reason=answer.reason,
                status=answer.status,
                etag=answer.etag,
                last_modified=answer.last_modified,
                content_type=answer.content_type,
                secrets_cut=answer.secrets_cut,
            )
        )
        try:
            request = plan.send(usable)
        except StopIteration:
            request = None
    return receipts
