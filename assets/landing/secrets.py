"""Keys of portals: how they get into a request when it is sent, and how they stay out of all that is kept.

A request names a key as ``{key:NAME}``. Only what goes over the wire holds the secret; the URL that is kept, the
reason and the receipt hold the placeholder. Credentials that stand in a URL under a telling name are kept as REDACTED.
Where a portal repeats a secret, it is cut out of what is said and of the bytes before they are landed. What it packs
(a secret within a deflated member of a ZIP) or writes in a way of its own cannot be seen.
"""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

from assets.landing.request import Request

PLACEHOLDER = re.compile(r"\{key:(\w+)\}")
_ENCODED_PLACEHOLDER = re.compile(r"%7Bkey%3A(\w+)%7D", re.IGNORECASE)

SECRET_PARAMETER = re.compile(r"(?i)(.*[_-])?(key|token|secret|password|passwd|pwd|signature|sig|auth|credential)s?")
SECRET_NAMES = frozenset({"apikey", "appkey", "ukey", "uid", "mapkey", "appid", "accesstoken", "usertoken"})
"""Query parameters whose value is a credential at some portal (TMD: uid and ukey; GovSpending: user_token)."""

SHORTEST = 6
"""Characters of a secret from which it is cut out of bodies. A shorter one (TMD's public demonstration user is "api")
is a word that data holds by chance, and cutting it out would change what the portal said."""


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


def carried(request: Request, keys: Mapping[str, str]) -> dict[str, str]:
    """The secrets that a request (with placeholders) takes along: what is kept in its place → secret."""
    secrets = {f"{{key:{name}}}": keys[name] for name in secret_names(request)}
    try:
        password = urlsplit(request.url).password
    except ValueError:  # not a URL
        password = None
    return secrets | ({"REDACTED": unquote(password)} if password else {})


def scrubbed(text: str | None, secrets: Mapping[str, str]) -> str | None:
    """``text`` with what is kept in the place of each of ``carried``'s secrets."""
    for kept, secret in secrets.items():
        for form in _forms(secret) if text else ():
            text = text and text.replace(form, kept)
    return text


def cut(data: bytes, secrets: Mapping[str, str]) -> tuple[bytes, int]:
    """``data`` with ``***`` in the place of each secret, in whatever form it stands there, and how many those were."""
    places = 0
    for secret in secrets.values():
        if len(secret) < SHORTEST:
            continue
        for form in _forms(secret):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                seen = form.encode(encoding)
                if found := data.count(seen):
                    places += found
                    data = data.replace(seen, "***".encode(encoding))
    return data, places


def _forms(secret: str) -> list[str]:
    """How a portal may write a secret that it repeats: as it is, in a URL, in JSON, in HTML, as hex, in base64."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret), quote(quote(secret, safe=""), safe="")}
    quoted |= {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in quoted}
    told = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    told |= {form.replace("/", r"\/") for form in told}
    told |= {secret.translate({ord(each): rf"\u{ord(each):{hex}}" for each in "\"&'+<>"}) for hex in ("04x", "04X")}
    told |= {html.escape(secret), html.escape(secret).replace("&#x27;", "&#39;"), html.escape(secret, quote=False)}
    raw = secret.encode()
    coded = {raw.hex(), raw.hex().upper()}
    for before in range(3):  # base64 of a text with the secret in it: the digits that only the secret decides
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        for encode in (b64encode, urlsafe_b64encode):
            coded.add(encode(bytes(before) + raw).decode()[first:last])
    return sorted({secret, *quoted, *told, *coded}, key=lambda form: (-len(form), form))


def _is_secret(name: str) -> bool:
    return bool(SECRET_PARAMETER.fullmatch(name)) or re.sub(r"[^a-z]", "", name.lower()) in SECRET_NAMES
