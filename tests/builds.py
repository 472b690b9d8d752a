"""Builds as users start them: `ovenbird build` in a process of its own, with a cache and a function of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import starts


class Builds:
    """A function in `source`, a cache in `cache`; `env` is added to the tests' own environment."""

    def __init__(self, folder: Path, source: Path | None = None, cache: Path | None = None, **env: str) -> None:
        self.source, self.cache, self.env = source or folder / "function", cache or folder / "cache", env
        self.source.mkdir(parents=True, exist_ok=True)

    def write(self, **files: str) -> None:
        """Write files by their names, of which `__` stands for a point."""
        for name, text in files.items():
            (self.source / name.replace("__", ".")).write_text(text)

    def command(self, verb: str, *words: str) -> list[str]:
        """Return the argv of a verb on the function."""
        return [sys.executable, "-m", "ovenbird", *self._words(verb, *words)]

    def _words(self, verb: str, *words: str) -> list[str]:
        return [verb, *words, "--cache-dir", str(self.cache)]

    def environ(self, **more: str) -> Mapping[str, str]:
        """Return the environment of a build."""
        return {**os.environ, **self.env, **more}

    def start(self, *words: str, prefix: tuple[str, ...] = (), **more: str) -> subprocess.Popen[str]:
        """Start a build; its streams are pipes."""
        options: dict[str, Any] = {"cwd": self.source, "env": self.environ(**more), "text": True}
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        if prefix:
            return subprocess.Popen([*prefix, *self.command("build", *words)], start_new_session=True, **options)
        return starts.start(self._words("build", *words), start_new_session=True, **options)

    def run(self, *words: str, verb: str = "build", prefix: tuple[str, ...] = (), **more: str) -> Build:
        """Run a verb to its end."""
        options: dict[str, Any] = {"cwd": self.source, "env": self.environ(**more), "timeout": 300}
        if prefix:
            command = [*prefix, *self.command(verb, *words)]
            process = subprocess.run(
                command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options
            )
        else:
            process = starts.run(*self._words(verb, *words), **options)
        return Build(process.returncode, process.stdout, process.stderr)

    def ok(self, *words: str, **options: Any) -> dict[str, Any]:
        """Run a verb that has to succeed; the JSON that it prints."""
        result = self.run(*words, **options)
        assert result.status == 0, result.err
        document: dict[str, Any] = json.loads(result.out)
        return document


class Build:
    """A finished verb: its status, stdout and stderr."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def error(self) -> dict[str, Any]:
        """The record of its error."""
        document: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])
        return document
