"""What `ovenbird init` does: write a function, its document, a test and an ignore file to begin with."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from ..common.text import show_value
from ..errors import SettingsError
from ..function_document import VERSIONS

_MAIN = '''"""{name}: the function, and what it needs before its first call."""


def handler(name: str, times: int = 1) -> dict:
    """Greet somebody. Arguments are fields of a request's JSON body, or --param of a run."""
    return {{"greeting": ", ".join([f"Hello {{name}}"] * times)}}
'''
_DOCUMENT = """kind: python
name: {name}
spec:
  python_version: "{version}"
  source:
    source: main.py
    handler: handler
  requirements: []
"""
_TEST = '''"""Run by `python -m unittest` or pytest, in the folder of main.py."""

import unittest

from main import handler
from ovenbird import testing


class HandlerTest(unittest.TestCase):
    def test_greets_as_often_as_it_is_told(self):
        answer = testing.call(handler, json={"name": "Ada", "times": 2})
        self.assertEqual(answer.json(), {"greeting": "Hello Ada, Hello Ada"})

    def test_a_name_is_text(self):
        answer = testing.call(handler, json={"name": 3})
        self.assertEqual(answer.status, 422)

    def test_runs_as_a_job(self):
        run = testing.run(handler, {"name": "Ada"})
        self.assertEqual(run.state, "COMPLETED")
'''
_IGNORE = """# what no image gets, beside what never is packed; rules as in .gitignore
.ovenbirdignore
test_*.py
.venv/
"""


class Starter(NamedTuple):
    """What was written: the folder as it was given, the function's name, and the names of the files."""

    folder: Path
    name: str
    files: tuple[str, ...]


def write_starter(folder: str, name: str | None = None) -> Starter:
    """Write a starting point to a folder, which is made where it is missing; the name is by default the folder's.

    Errors: SettingsError, before anything is written, for a name, for a folder that cannot be meant, and where one of
    the files exists.
    """
    refuse_folder(folder)
    path = Path(folder)
    function_name = choose_name(path) if name is None else name
    if not re.fullmatch(r"[a-zA-Z0-9.+\-_]+", function_name):
        raise SettingsError(f"--name: expected letters, digits and .+-_, found {show_value(function_name)}")
    return Starter(path, function_name, write_files(path, function_name))


def refuse_folder(text: str) -> None:
    """Raise SettingsError for the name of a folder that cannot be meant: an unset variable, a file, a URL."""
    if not text.strip():
        raise SettingsError(f"the name of the folder is empty: found {show_value(text)}", hint="`.` is this folder")
    if not text.isprintable():
        raise SettingsError(f"the name of the folder, {show_value(text)}, holds a character that cannot be printed")
    if "://" in text:
        raise SettingsError(
            f"{show_value(text)} is a URL, not a folder", hint="`ovenbird init FOLDER` writes files here"
        )
    if text.endswith((".py", ".yaml", ".yml")):
        raise SettingsError(
            f"{show_value(text)} is the name of a file, not of a folder",
            hint="the files are always `main.py` and `function.yaml`: `ovenbird init FOLDER`, or `.` for this folder",
        )
    if os.path.lexists(text) and not os.path.isdir(text):  # noqa: PTH112  # pathlib's raises where it may not look
        raise SettingsError(f"{show_value(text)} is there already, and is not a folder")


def choose_name(folder: Path) -> str:
    """Return the name of the folder as the name of a function."""
    return re.sub(r"[^a-zA-Z0-9.+_-]+", "-", folder.resolve().name).strip("-.") or "function"


def write_files(folder: Path, name: str) -> tuple[str, ...]:
    """Write the files and return their names. Errors: SettingsError, before any is written, when one of them exists."""
    version = ".".join(map(str, sys.version_info[:2]))
    fields = {"name": name, "version": version if version in VERSIONS else VERSIONS[-1]}
    files = {
        "main.py": _MAIN.format(**fields), "function.yaml": _DOCUMENT.format(**fields), "test_main.py": _TEST,
        ".ovenbirdignore": _IGNORE,
    }  # fmt: skip
    existing = [file for file in (*files, "function.yml") if os.path.lexists(folder / file)]
    if existing:
        raise SettingsError(
            f"{show_value(str(folder))} has {', '.join(existing)} already, and no file is replaced",
            hint="`ovenbird init FOLDER` writes to another folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            with (folder / file).open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        raise SettingsError(f"cannot write to {show_value(str(folder))}: {error.strerror}") from None
    return tuple(files)
