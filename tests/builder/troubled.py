"""Faulty registries: one with a password, one that changes bytes."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

# bcrypt of a password that nobody knows: whoever comes is refused
_HTPASSWD = "nobody:$2y$05$abcdefghijklmnopqrstuuPIJxy7mFNOB1rXY5Rm4GZr6vLr9yK9O\n"


@contextmanager
def guarded(folder: Path) -> Iterator[str]:
    """Run a registry with a password and yield its address."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    (folder / "guarded.yml").write_text(
        f"version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {json.dumps(str(folder))}}}}}\n"
        'http: {addr: "127.0.0.1:0", secret: tests}\n'
        f"auth: {{htpasswd: {{realm: tests, path: {json.dumps(str(folder / 'htpasswd'))}}}}}\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with (folder / "guarded.log").open("wb") as log:
        command = ["docker-registry", "serve", str(folder / "guarded.yml")]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not (match := re.search(r"listening on (127\.0\.0\.1:\d+)", (folder / "guarded.log").read_text())):
            assert process.poll() is None, (folder / "guarded.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield match[1]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def altering(registry: str, media: str) -> Iterator[str]:
    """A registry that passes on what another has, and changes one byte of what is of that media type; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            upstream = http.client.HTTPConnection(registry, timeout=30)
            upstream.request("GET", self.path, headers={"Accept": self.headers.get("Accept", "*/*")})
            answer = upstream.getresponse()
            body = answer.read()
            kind = answer.headers.get("Content-Type", "")
            if answer.status == 200 and re.search(media, kind):
                body = body[:-1] + bytes([body[-1] ^ 1])
            self.send_response(answer.status)
            for name in ("Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version"):
                if value := answer.headers.get(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
