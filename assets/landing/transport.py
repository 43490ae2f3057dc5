"""What lies below a request: connections that end when their time is up, and bodies unpacked with care.

A socket's time-out begins anew with every byte, so that a portal which drips can hold a client for ever. Here a timer
shuts the socket instead.
"""

import logging
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""Content codings that ``inflated`` reads (https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1)."""

NOT_OFFERED = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""Codings that are none of these. Any other word (``utf-8``, ``none``) is no coding, and the body is as it is."""

for _name in ("urllib3.connectionpool", "urllib3.connection"):
    # Their lines hold whole URLs, keys included; outcomes and reasons say all of it that matters.
    logging.getLogger(_name).addFilter(lambda record: False)


@contextmanager
def cut_after(seconds: float, shut: Callable[[], object]) -> Iterator[threading.Event]:
    """Call ``shut`` from another thread if the block takes longer; the event tells that this has happened."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError, RuntimeError, ValueError):  # it has just ended by itself
            shut()

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _head(connection: Any, read: Callable[[], urllib3.HTTPResponse]) -> urllib3.HTTPResponse:
    """An answer's head, read within the connection's read time-out. Raises ``TimeoutError``."""
    if connection.timeout is None:
        return read()
    sock = connection.sock
    with cut_after(connection.timeout, lambda: sock.shutdown(socket.SHUT_RDWR)) as late:
        response = read()
    if late.is_set():  # a head that is cut looks like one that has ended
        raise TimeoutError("the head of the answer took too long")
    return response


class _Http(urllib3.connection.HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        return _head(self, super().getresponse)


class _Https(urllib3.connection.HTTPSConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        return _head(self, super().getresponse)


_IN_TIME: dict[type, type] = {urllib3.connection.HTTPConnection: _Http, urllib3.connection.HTTPSConnection: _Https}


class Adapter(HTTPAdapter):
    """One connection a host, and answers whose head comes in time or not at all."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=1)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """The pool of a host, with connections of this module."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        # A SOCKS proxy's connections stay what they are.
        pool.ConnectionCls = _IN_TIME.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool


class Session(requests.Session):
    """A session that looks at no redirect: requests reads their addresses even where it follows none, and raises for
    one that it cannot read."""

    def resolve_redirects(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """None."""
        return iter(())


_GZIP = b"\x1f\x8b"


def inflated(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """A gzip or deflate body, unpacked; deflate also without its header, as IIS sends it. Zeros behind the end are
    padding. What is called gzip and is neither comes as it is: portals so mark bodies that a proxy has unpacked.
    Raises ``zlib.error`` where it is broken and ``EOFError`` where it ends early, which urllib3 passes over in silence:
    the lines before the cut would look like a whole file."""
    decoder, ended = None, False
    for chunk in chunks:
        while chunk:
            if decoder is None or decoder.eof:
                ended = decoder is not None
                if ended and not chunk.strip(b"\0"):
                    break
                decoder = zlib.decompressobj(wbits=47)  # 32 + 15: either header
                try:
                    part = decoder.decompress(chunk)
                except zlib.error:
                    if ended:
                        raise
                    if coding.endswith("gzip") and not chunk.startswith(_GZIP):
                        yield chunk
                        yield from chunks
                        return
                    decoder = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
                    part = decoder.decompress(chunk)
                yield part
            else:
                yield decoder.decompress(chunk)
            chunk = decoder.unused_data
    if decoder is not None and not decoder.eof:
        raise EOFError("the compressed body ends early")
