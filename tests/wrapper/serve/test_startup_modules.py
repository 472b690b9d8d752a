"""Modules that a start loads: each further module costs time at every cold start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import uvicorn
from tests.service import Service

Serve = Callable[..., Service]
LISTS = "import sys\nasync def handler():\n    return sorted(sys.modules)\n"
# What the parts of uvicorn that serve, uvloop and msgspec bring in any case: a server without a function is no faster.
BASE = """
import json, sys
import ovenbird.serve.server
import uvicorn.server, uvicorn.protocols.http.httptools_impl, uvicorn.protocols.http.flow_control, uvicorn.lifespan.off
import uvloop, msgspec
print(json.dumps(sorted(sys.modules)))
"""
# What Ovenbird adds to it. A line more here is a cost at every start.
OURS = frozenset("_colorize argparse dataclasses faulthandler gettext main mmap ovenbird runpy zlib".split())
NOT_OURS = frozenset("ctypes http.server importlib.metadata multipart opentelemetry starlette tempfile yaml".split())


@pytest.mark.slow
def test_a_start_loads_what_the_server_needs_and_little_more(serve: Serve) -> None:
    """After one call and no probe a trivial handler has loaded only the server's packages and ours."""
    service = serve(LISTS, ready=False)
    service.wait_log("is served at")
    service.wait_open()
    loaded = set(service.get().json())
    base = set(json.loads(subprocess.run([sys.executable, "-c", BASE], capture_output=True, check=True).stdout))
    assert _packages(loaded) - _packages(base) <= OURS
    assert (loaded - base) & NOT_OURS == set()
    assert {"uvloop", "httptools", "msgspec"} <= _packages(loaded)
    assert _packages(loaded) & {"click", "multiprocessing", "watchfiles"} == set()


@pytest.mark.slow
def test_a_function_may_use_all_of_uvicorn(serve: Serve) -> None:
    """Its package is loaded whole when a function asks for a name of it."""
    service = serve(
        "import uvicorn\nfrom uvicorn import Config, Server\nasync def handler():\n"
        "    return [uvicorn.__version__, uvicorn.run.__module__, Config is uvicorn.Config, Server is uvicorn.Server]\n"
    )
    assert service.get().json() == [uvicorn.__version__, "uvicorn.main", True, True]


def _packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}
