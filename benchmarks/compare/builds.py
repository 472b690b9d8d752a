"""Builds of one side: a small function on a base image of the same commit, on a storage root of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from environments import say
from revisions import Revision
from stacks import SMALL, Function
from timing import Cost, measure_command

from engine import choose_version, make_store, pull_upstream


class StoreBuild:
    """A function with a lock, built once; what is built after that finds wheels and layers in its cache."""

    def __init__(self, side: Revision, folder: Path) -> None:
        self._store = make_store(folder)
        version = choose_version()
        say(f"building the base image of Python {version} by {side.name} ...")
        upstream = pull_upstream(self._store, version)
        self._environ = side.make_environ(self._store.environ) | {"OVENBIRD_CACHE_DIR": str(folder / "cache")}
        trusted = {name: text for name, text in os.environ.items() if name.startswith("PIP_")}
        result = folder / "base.json"
        result.write_text(
            self._store.run(
                *side.ovenbird, "base", "build", version, "--quiet", "--from", upstream, environ=self._environ | trusted
            )
        )
        self._base = json.loads(result.read_text())[0]["image"]
        self._function = Function(folder / "function")
        self._function.write(SMALL, self._base, folder / "no-locks")
        document = str(self._function.folder / "function.yaml")
        lock = (*side.ovenbird, "lock", document, f"--base={self._base}", "--locker=uv")
        self._store.run(*lock, environ=self._environ | trusted)
        self._command = (
            *side.ovenbird, "build", document, f"--base={self._base}", "--tag=localhost/compared:1"
        )  # fmt: skip
        self._store.run(*self._command, environ=self._environ | trusted)
        self._number = 0

    def build(self) -> Cost:
        """Build what is there."""
        return measure_command(self._command, self._environ)

    def build_edited(self) -> Cost:
        """Change the source, and build."""
        self._number += 1
        self._function.edit(self._number)
        return self.build()
