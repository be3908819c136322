"""A Maven repository on loopback that serves a handful of made-up jars, and can misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opendt_streams.broker.lock import Jar, KafkaLock


def made_up_lock(count: int = 6) -> tuple[KafkaLock, dict[str, bytes]]:
    """A lock, and the content of each jar by its path."""
    jars, content = [], {}
    for number in range(count):
        data = f"jar {number} ".encode() * (20_000 + number)
        jar = Jar("org.example", f"part{number}", "1.0", hashlib.sha256(data).hexdigest(), len(data))
        jars.append(jar)
        content[jar.path] = data
    return KafkaLock("1.0", tuple(jars)), content


class MavenRepository:
    """What is served, how often each file was asked for, and which files break off in the middle how many times."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content
        self.asked: Counter[str] = Counter()
        self.break_off: Counter[str] = Counter()
        self.url = ""

    @contextmanager
    def served(self) -> Iterator[MavenRepository]:
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.removeprefix("/maven/")
                repository.asked[path] += 1
                data = repository.content.get(path)
                self.send_response(200 if data is not None else 404)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                if data and repository.break_off[path] > 0:
                    repository.break_off[path] -= 1
                    data = data[: len(data) // 2]
                    self.close_connection = True
                self.wfile.write(data or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the tests look at what arrives."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/maven"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
