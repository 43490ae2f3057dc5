"""Keys of portals: how they get into a request when it is sent, and how they stay out of all that is kept.

A request names a key as ``{key:NAME}``. Only what goes over the wire holds the secret; the URL that is kept, the
reason and the receipt hold the placeholder. Credentials that stand in a URL under a telling name are kept as REDACTED.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from assets.landing.request import Request

PLACEHOLDER = re.compile(r"\{key:(\w+)\}")
_ENCODED_PLACEHOLDER = re.compile(r"%7Bkey%3A(\w+)%7D", re.IGNORECASE)

SECRET_PARAMETER = re.compile(r"(?i)(.*[_-])?(key|token|secret|password|passwd|pwd|signature|sig|auth|credential)s?")
SECRET_NAMES = frozenset({"apikey", "appkey", "ukey", "uid", "mapkey", "appid", "accesstoken", "usertoken"})
"""Query parameters whose value is a credential at some portal (TMD: uid and ukey; GovSpending: user_token)."""


def secret_names(request: Request) -> list[str]:
    """Names of the keys that a request wants, sorted."""
    fields = [*request.params.values(), *request.headers.values(), *(request.form or {}).values()]
    return sorted({name for text in (request.url, *fields) for name in PLACEHOLDER.findall(text)})


def with_secrets(request: Request, keys: Mapping[str, str]) -> Request:
    """``request`` with secrets in the place of placeholders: to be sent, never to be kept. Raises ``KeyError``."""

    def filled(fields: Mapping[str, str]) -> dict[str, str]:
        return {name: PLACEHOLDER.sub(lambda found: keys[found[1]], text) for name, text in fields.items()}

    return replace(
        request,
        # A key in a path (FIRMS) must not end the path.
        url=PLACEHOLDER.sub(lambda found: quote(keys[found[1]], safe=""), request.url),
        params=filled(request.params),
        headers=filled(request.headers),
        form=None if request.form is None else filled(request.form),
    )


def full_url(request: Request) -> str:
    """The URL with its parameters."""
    if not request.params:
        return request.url
    return f"{request.url}{'&' if '?' in request.url else '?'}{urlencode(request.params)}"


def without_secrets(url: str) -> str:
    """``url`` with the values of credential parameters replaced and without user and password; placeholders stay."""
    try:
        parts = urlsplit(url)
        query = [
            (name, "REDACTED" if _is_secret(name) and not PLACEHOLDER.fullmatch(value) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        encoded = _ENCODED_PLACEHOLDER.sub(r"{key:\1}", urlencode(query))
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=encoded, fragment=""))
    except ValueError:
        return "not a URL"


def scrubbed(text: str | None, names: Iterable[str], keys: Mapping[str, str]) -> str | None:
    """``text`` with the named secrets turned back into placeholders."""
    for name in names:
        for secret in (keys[name], quote(keys[name], safe="")):
            text = text and text.replace(secret, f"{{key:{name}}}")
    return text


def _is_secret(name: str) -> bool:
    return bool(SECRET_PARAMETER.fullmatch(name)) or re.sub(r"[^a-z]", "", name.lower()) in SECRET_NAMES
