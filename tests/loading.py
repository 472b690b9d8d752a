"""Load user code in this process, and forget it afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovenbird.function.handler import Handler
from ovenbird.function.loader import LoadedFunction, load
from ovenbird.function.target import parse

FUNCTIONS = Path(__file__).parent / "functions"


class Project:
    """A folder of user code. `write` adds a file, `load` and `handler` load a target in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded = 0

    def write(self, name: str, text: str) -> Path:
        """Write one file; folders are made as needed."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, target: str = "main.py", source: str = "") -> LoadedFunction:
        """Load a target; a file or folder is below this one."""
        is_path = target.partition(":")[0].endswith((".py", ".yaml", "/"))
        full_target = str(self.folder / target) if is_path else target
        return load(parse(full_target, source))

    def handler(self, text: str, attribute: str = "handler") -> Handler:
        """Return the handler of some source text."""
        self._loaded += 1
        name = f"main{self._loaded}" if self._loaded > 1 else "main"  # a module is imported once
        self.write(f"{name}.py", text)
        return Handler(self.load(f"{name}.py:{attribute}"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty folder of user code. What was imported from it is forgotten afterwards."""
    path, modules_before = list(sys.path), set(sys.modules)
    yield Project(tmp_path)
    sys.path[:] = path
    for name in set(sys.modules) - modules_before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        paths = [file, *map(str, getattr(sys.modules[name], "__path__", []))]
        if any(path.startswith((str(tmp_path), str(FUNCTIONS))) or "/ovenbird-" in path for path in paths):
            del sys.modules[name]
