"""The servers that are measured: how each is started, and where it does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from environments import OWN

_LOGGED = "{bin}/python -m uvicorn --host 127.0.0.1 --port {port}"
_UVICORN = _LOGGED + " --no-access-log"
_OVENBIRD = "{bin}/python -m ovenbird serve --host 127.0.0.1 --port {port} --drain-delay 0"
_FRAMEWORK = "{bin}/functions-framework --target hello --host 127.0.0.1 --port {port}"


@dataclass(frozen=True)
class Server:
    """One row of the table. `command` is split at spaces; `{bin}`, `{port}` and `{cache}` are filled in."""

    name: str
    title: str
    command: str
    environment: str = OWN
    path: str = "/"
    variables: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False  # output to /dev/null instead of a log file
    workers: int = 1
    is_spread: bool = False  # on all cores, instead of the one of the servers


BARE = Server("bare", "bare callable, `uvicorn` CLI", _UVICORN + " bare:app")
BARE_LEAN = Server(
    "bare-lean",
    "bare callable, no proxy and server headers",
    _UVICORN + " --no-proxy-headers --no-server-header bare:app",
)
BARE_LOG = Server("bare-log", "bare callable, access log", _LOGGED + " bare:app", quiet=True)
# as they come: with the access log, limits and metrics
ASYNC = Server("ovenbird-async", "**ovenbird**, async typed", _OVENBIRD + " async_typed.py:handler", quiet=True)
SYNC = Server("ovenbird-sync", "**ovenbird**, sync typed", _OVENBIRD + " sync_typed.py:handler", quiet=True)
PROCESSOR = Server(
    "ovenbird-processor",
    "**ovenbird** as the processor, sync `handler(context, event)`",
    "{bin}/python -m ovenbird processor --config processor.yaml",
    variables={"PORT": "{port}", "OVENBIRD_HOST": "127.0.0.1", "OVENBIRD_PROBE_PORT": "0"},  # the platform has 8082
    quiet=True,
)
FRAMEWORK = Server(
    "functions-framework",
    "functions-framework (gunicorn, threads)",
    _FRAMEWORK + " --source flask_function.py",
    "functions-framework",
)
FRAMEWORK_ASGI = Server(
    "functions-framework-asgi",
    "functions-framework `--asgi` (gunicorn, uvicorn worker, h11, asyncio)",
    _FRAMEWORK + " --asgi --source starlette_function.py",
    "functions-framework",
)

SERVERS = (
    BARE,
    BARE_LEAN,
    BARE_LOG,
    ASYNC,
    SYNC,
    PROCESSOR,
    Server(
        "ovenbird-async-quiet",
        "**ovenbird**, async typed, no access log",
        _OVENBIRD + " --access-log off async_typed.py:handler",
    ),
    Server(
        "ovenbird-sync-quiet",
        "**ovenbird**, sync typed, no access log",
        _OVENBIRD + " --access-log off sync_typed.py:handler",
    ),
    Server(
        "ovenbird-async-text",
        "**ovenbird**, async typed, access log as text",
        _OVENBIRD + " --log-format text async_typed.py:handler",
        quiet=True,
    ),
    FRAMEWORK,
    FRAMEWORK_ASGI,
    Server(
        "functions-framework-asgi-uvloop",
        "functions-framework `--asgi`, httptools and uvloop added",
        _FRAMEWORK + " --asgi --source starlette_function.py",
        "functions-framework-uvloop",
    ),
    Server(
        "func-python",
        "func-python (Knative; hypercorn)",
        "{bin}/python knative_function.py",
        "func-python",
        variables={"LISTEN_ADDRESS": "127.0.0.1:{port}"},
    ),
    Server("starlette", "Starlette on uvicorn", _UVICORN + " starlette_app:app", "asgi"),
    Server("fastapi", "FastAPI on uvicorn", _UVICORN + " fastapi_app:app", "asgi"),
    Server(
        "granian",
        "granian, bare callable",
        "{bin}/granian --interface asgi --host 127.0.0.1 --port {port} bare:app",
        "asgi",
    ),
    Server(
        "kserve",
        "KServe, v1 protocol",
        "{bin}/python kserve_model.py --http_port {port} --enable_grpc false --enable_latency_logging false",
        "kserve",
        path="/v1/models/hello:predict",
    ),
    Server(
        "bentoml",
        "BentoML",
        "{bin}/bentoml serve bentoml_service:Hello --host 127.0.0.1 --port {port}",
        "bentoml",
        path="/hello",
        variables={"BENTOML_HOME": "{cache}/bentoml-home", "BENTOML_DO_NOT_TRACK": "True"},
    ),
)


def make_transfer_server(file: str) -> Server:
    """Return Ovenbird with one of the handlers that move much data; its body limit is above the uploads."""
    return Server(
        f"ovenbird-{file.removesuffix('.py').replace('_', '-')}",
        file,
        f"{_OVENBIRD} --access-log off --max-body 128MiB {file}:handler",
    )


def make_pid_server(workers: int) -> Server:
    """Return Ovenbird with a handler that returns the pid of its worker."""
    return Server(
        f"ovenbird-workers-{workers}",
        f"**ovenbird**, {workers} workers",
        f"{_OVENBIRD} --access-log off --workers {workers} pid.py:handler",
        workers=workers,
    )


def make_before_server(server: Server, folder: Path) -> Server:
    """Return the same server from the sources of another commit, in the same environment."""
    return replace(
        server,
        name=f"{server.name}-before",
        title=f"{server.title}, the commit before",
        variables={"PYTHONPATH": str(folder / "wrapper")},
    )
