"""Modules that a verb loads before the user's code: each further module costs time at every call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import starts

SOURCE = """
import json, os, sys
with open('modules.json', 'w') as file:
    json.dump(sorted(sys.modules), file)
def handler(): return None
"""
# packages and versions, temporary files, networks, object stores: only some calls need these
HEAVY = frozenset(
    "asyncio ctypes email hashlib http importlib.metadata obstore socket starlette tempfile uvicorn yaml".split()
)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_start_loads_little(tmp_path: Path, verb: str) -> None:
    """Code that prints hints, reads documents or fetches files is imported when it is needed."""
    (tmp_path / "main.py").write_text(SOURCE)
    process = starts.run(verb, "main.py", fresh=True, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert "ovenbird.function.loader" in modules
    assert HEAVY.isdisjoint(modules), HEAVY.intersection(modules)
