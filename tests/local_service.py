"""A service on this machine that gives away files, fails on demand and can be shut down."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def spare_port() -> int:
    """A port that the system has just had free: another one for each who asks."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class Service:
    """What the server gives, and how it fails.

    Attributes:
        address: without a slash at its end.
        files: from a path, query and all, to the content or to an error's number.
        failures: error numbers that the next requests get, whatever they ask; 0 hangs up, a
            negative number keeps them waiting so many tenths of a second.
        asked: the paths of all requests so far.
    """

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.files: dict[str, bytes | int] = {}
        self.failures: list[int] = []
        self.asked: list[str] = []

    def answer(self, path: str) -> bytes | int:
        """A content, or an error's number."""
        self.asked.append(path)
        return self.failures.pop(0) if self.failures else self.files.get(path, 404)


@contextmanager
def serving() -> Iterator[Service]:
    """A service for the time of the block; afterwards its address refuses connections."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = service.answer(self.path)
            if isinstance(found, int) and found <= 0:
                time.sleep(-found / 10)
                return
            if isinstance(found, int):
                self.send_error(found)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = Service(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
