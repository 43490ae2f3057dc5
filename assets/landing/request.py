"""What a source asks a portal for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One thing to ask a portal for. ``name`` identifies it among the source's receipts (one name, one content).

    ``expect`` is ``json``, ``csv``, ``text`` or ``zip``: an answer of another kind is a bad answer, whatever its
    status. ``check`` looks at the bytes and returns a reason to call the answer bad, or None. ``form`` makes it a POST
    of form fields. A key stands in ``url``, ``params``, ``headers`` or ``form`` as ``{key:NAME}``: the client puts
    the secret of that name in when it sends, so that nothing that is kept ever holds it. ``hosts`` are others that a
    redirect may lead to over TLS: catalogues keep their files in a store elsewhere.
    """

    name: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    expect: str = "json"
    conditional: bool = True
    hosts: tuple[str, ...] = ()
    check: Callable[[bytes], str | None] | None = None
