"""A real server that answers as a test says."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Respond = Callable[[BaseHTTPRequestHandler], object]


class Portal:
    """``answers[path]`` are used up one a request, the last one for ever; ``seen`` are (path and query, headers) and
    ``forms`` the bodies of POSTs."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.answers: dict[str, list[Respond]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.forms: list[str] = []

    def answer(self, path: str, *responses: Respond) -> str:
        self.answers[path] = list(responses)
        return self.base + path


def reply(body: bytes = b"{}", status: int = 200, claimed: int | None = None, **headers: str) -> Respond:
    """A whole answer; ``claimed`` is a false Content-Length."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


@contextmanager
def serving(wrap: Callable[[ThreadingHTTPServer], object] = lambda server: None) -> Iterator[Portal]:
    """A portal on 127.0.0.1; ``wrap`` may change the server before it begins (TLS)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.seen.append((self.path, dict(self.headers)))
            answers = site.answers.get(urlsplit(self.path).path, [reply(b"", 404)])
            # Broken where the client gave up, which is what some tests want.
            with contextlib.suppress(OSError):
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

        def do_POST(self) -> None:
            site.forms.append(self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that hangs up is what some tests want

    server = Server(("127.0.0.1", 0), Handler)
    wrap(server)
    site = Portal(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
