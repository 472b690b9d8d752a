"""Real stores and real servers: a folder of their own for each test, a free port on 127.0.0.1 for each server."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ovenbird.platform.entities.run import run_metadata, start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def project(store: LocalStore) -> Project:
    return Project(store, "p", {})


@pytest.fixture
def record_run(store: LocalStore) -> Callable[..., str]:
    """Record a run that has ended, with parameters, results, metrics and labels; return its id."""

    def record(
        parameters: dict[str, Any] | None = None,
        results: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        *,
        function: str = "train",
        state: str = "COMPLETED",
        status: dict[str, Any] | None = None,
        **labels: Any,
    ) -> str:
        revision = Project(store, "p", {}).register_function(function, {"source": {"handler": f"main:{function}"}})
        spec = {"parameters": parameters or {}}
        run = start_run(
            store, "p", {}, function=revision.key, spec=spec, status=status, metadata=run_metadata(**labels)
        )
        if metrics:
            run.log_metrics(metrics)
        run.finish(state, results=results or {})
        return run.id

    return record


def send_reply(request: http.server.BaseHTTPRequestHandler, data: bytes, status: int = 200, **headers: str) -> None:
    """Send a complete answer; `a_b` is the header a-b."""
    request.send_response(status)
    for name, value in {"Content_Length": str(len(data)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(data)


class Server:
    """An HTTP server that answers by `answer`, and records the requests and their bodies."""

    def __init__(self) -> None:
        self.answer: Answer = lambda request: None
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def handle_any(self) -> None:
                outer.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                outer.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                outer.answer(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *args: None
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@contextmanager
def s3_server() -> Iterator[str]:
    """Yield the address of moto's server, which speaks S3 over HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket(address: str) -> dict[str, str]:
    """Return the environment of a store at that address, which has the bucket `outputs`, empty."""
    import boto3

    environ = {
        "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrSECRET",
        "AWS_REGION": "us-east-1", "S3_PATH_STYLE": "true",
    }  # fmt: skip
    client = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    client.create_bucket(Bucket="outputs")
    for item in client.list_objects_v2(Bucket="outputs").get("Contents", []):
        client.delete_object(Bucket="outputs", Key=item["Key"])
    client.close()
    return environ


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 that the session's tests share."""
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(moto: str) -> dict[str, str]:
    """The environment of a store that has the bucket `outputs`, which is empty."""
    return bucket(moto)
