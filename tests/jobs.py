"""A real `ovenbird run`, and the verbs that read what it recorded, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.starts import start

_PATIENCE = 60.0  # seconds; only a broken run takes so long, whatever the machine is doing


class FinishedRun:
    """A run that has ended: exit status, what was printed, and the result file."""

    def __init__(self, code: int, out: str, err: str, result_file: Path) -> None:
        self.code, self.out, self.err = code, out, err
        self.result: dict[str, Any] = json.loads(result_file.read_text()) if result_file.exists() else {}

    @property
    def error(self) -> dict[str, str]:
        """The error of the result file; the run has failed."""
        error: dict[str, str] = self.result["error"]
        return error


class Jobs:
    """A folder that runs start in, with a store of its own."""

    fresh = False  # whether all are started by exec

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._count = 0
        self._started: list[subprocess.Popen[str]] = []

    def write(self, source: str, name: str = "main.py") -> Path:
        """Write the source of a function; its path."""
        path = self.folder / name
        path.write_text(textwrap.dedent(source))
        return path

    def start_ovenbird(
        self, *words: str, stdout: int = subprocess.PIPE, fresh: bool = False, **environ: str
    ) -> subprocess.Popen[str]:
        """Start `ovenbird` with these words."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PORT", "AWS_"))}
        env |= {"OVENBIRD_HOME": str(self.home), **environ}
        process = start(
            words, cwd=self.folder, env=env, text=True, stdout=stdout, stderr=subprocess.PIPE, fresh=fresh or self.fresh
        )
        self._started.append(process)
        return process

    def run_verb(self, *words: str, **environ: str) -> str:
        """Run `ovenbird`, which has to succeed, and return its output."""
        process = self.start_ovenbird(*words, **environ)
        out, err = process.communicate(timeout=_PATIENCE)
        assert process.returncode == 0, err
        return out

    def start(
        self, source: str, *flags: str, **environ: str
    ) -> tuple[subprocess.Popen[str], Callable[[], FinishedRun]]:
        """Start a run of `source` (text, or the name of a file in the folder); the process, and what waits for it."""
        target = self.write(source).name if "\n" in source else source
        self._count += 1
        result_file = self.folder / f"result-{self._count}.json"
        process = self.start_ovenbird("run", target, "--result-file", str(result_file), *flags, **environ)

        def wait() -> FinishedRun:
            out, err = process.communicate(timeout=_PATIENCE)
            return FinishedRun(process.returncode, out, err, result_file)

        return process, wait

    def run(self, source: str, *flags: str, **environ: str) -> FinishedRun:
        """Run `source` to its end."""
        return self.start(source, *flags, **environ)[1]()

    def list_runs(self) -> list[dict[str, Any]]:
        """Return the rows of `ovenbird runs list`."""
        rows: list[dict[str, Any]] = json.loads(self.run_verb("runs", "list"))
        return rows

    def read_entity(self, noun: str, key: str) -> dict[str, Any]:
        """Return the whole entity as the verb `show` prints it."""
        document: dict[str, Any] = json.loads(self.run_verb(noun, "show", key))
        return document

    def read_record(self, finished: FinishedRun) -> dict[str, Any]:
        """Return the record of a run."""
        return self.read_entity("runs", finished.result["key"])

    def wait_until(self, check: Callable[[], Any]) -> Any:
        """Wait until `check()` is true and return its value."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if value := check():
                return value
            time.sleep(0.01)
        raise AssertionError("it did not happen")

    def close(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
