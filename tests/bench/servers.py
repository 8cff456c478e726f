"""Servers whose speed is known."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


@contextmanager
def served(
    before_answer: Callable[[], None],
    *,
    one_at_a_time: bool = False,
    statuses: Iterator[int] | None = None,
) -> Iterator[int]:
    """Serve on a port of the system's choice; `before_answer` is called before each answer.

    Statuses are those given, or always 200.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with turn:
                before_answer()
            self.send_response(200 if statuses is None else next(statuses))
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Free:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    turn = threading.Lock() if one_at_a_time else Free()
    server: HTTPServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stalling(after: int, seconds: float) -> Callable[[], None]:
    """Stall once, at the given request."""
    seen = 0

    def before_answer() -> None:
        nonlocal seen
        seen += 1
        if seen == after:
            time.sleep(seconds)

    return before_answer
