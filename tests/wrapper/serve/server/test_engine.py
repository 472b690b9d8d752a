"""A changed uvicorn: missing parts are logged, and calls are served all the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from tests.service import Service

from ovenbird.serve.server import engine, uvicorn_adapter

Serve = Callable[..., Service]
FILES = (
    "server.py",
    "protocols/http/httptools_impl.py",
    "protocols/http/h11_impl.py",
    "protocols/http/flow_control.py",
)
WORDS = ("STATUS_LINE", "HIGH_WATER_LIMIT", "RequestResponseCycle", "HttpToolsProtocol", "FlowControl")
OTHERS = ("connection_made", "connection_lost", "pause_writing", "resume_writing")  # names that asyncio gives
SOURCE = """
def handler(a: int = 0):
    return a
"""


def copy_uvicorn_renamed(folder: Path, *names: str) -> str:
    """A copy of uvicorn in which attributes of its HTTP classes have other names, wherever they are used."""
    copy = folder / "uvicorn"
    shutil.copytree(Path(uvicorn.__file__).parent, copy)
    for file in FILES:
        text = (copy / file).read_text()
        for name in names:
            if name in (*WORDS, "expect_100_continue"):
                text = re.sub(rf"\b{name}\b", f"renamed_{name}", text)
                continue
            owner = r"\b(self|cycle|existing_cycle|server_state|flow|state|connection)"
            text = re.sub(rf"{owner}\.{name}\b", rf"\1.renamed_{name}", text)
            text = re.sub(rf"^(\s+(?:async )?def ){name}\b", rf"\1renamed_{name}", text, flags=re.MULTILINE)
            text = re.sub(rf"^(    ){name}(: .* = )", rf"\1renamed_{name}\2", text, flags=re.MULTILINE)
        (copy / file).write_text(text)
    return str(folder)


def test_nothing_is_missing() -> None:
    """The uvicorn that is installed has all that is needed."""
    assert engine.missing_parts() == []


@pytest.mark.slow
@pytest.mark.parametrize("names", [
    uvicorn_adapter.PROTOCOL, uvicorn_adapter.CYCLE, uvicorn_adapter.FLOW, uvicorn_adapter.STATE,
    ("expect_100_continue",), *((word,) for word in WORDS),
], ids=["protocol", "cycle", "flow", "state", "parameter", *WORDS])  # fmt: skip
def test_attributes_with_other_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Every attribute, class and constant that our code needs is reported when it is missing."""
    names = tuple(name for name in names if names is uvicorn_adapter.FLOW or name not in OTHERS)
    program = "from ovenbird.serve.server.engine import missing_parts; print(*missing_parts())"
    environ = {**os.environ, "PYTHONPATH": copy_uvicorn_renamed(tmp_path, *names)}
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert {name for name in names if re.search(rf"(?<!renamed_)\b{name}\b", process.stdout)} == set(names)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["write_paused", "run_asgi", "pipeline", "tasks", "STATUS_LINE", "RequestResponseCycle"]
)
def test_service_without_it(serve: Serve, tmp_path: Path, name: str) -> None:
    """One line of the log names the missing part, and calls are served by plain ASGI."""
    service = serve(SOURCE, "--log-format", "json", PYTHONPATH=copy_uvicorn_renamed(tmp_path / "copy", name))
    assert [service.call({"a": number}).json() for number in range(3)] == [0, 1, 2]
    records = [record for record in service.records if "lacks" in record["message"]]
    assert len(records) == 1
    assert re.search(rf"uvicorn {re.escape(uvicorn.__version__)} lacks .*\b{name}\b", records[0]["message"])
    assert records[0]["level"] == "warning"
    assert service.stop() == 0
