"""Two commits, unpacked side by side: where the files of each are, and which Python runs them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from environments import CACHE, HERE, INSTALL_LIMIT, find_commit, say, unpack_revision
from processes import FailedError, finish

TOP = HERE.parent.parent
WORKING_TREE = "."  # in place of a commit: the files as they are
_EXTRAS = ("reload", "platform", "build")
_DECLARED = ("requires-python", "dependencies", "optional-dependencies", "scripts", "entry-points")


@dataclass(frozen=True)
class Revision:
    """One side of a comparison: `name` is A or B, `text` what was typed.

    `programs` is the folder of its Python, `variables` what makes that import the files of the commit.
    """

    name: str
    text: str
    commit: str
    folder: Path
    programs: Path
    variables: Mapping[str, str]

    @property
    def title(self) -> str:
        """Return the commit as people read it."""
        commit = self.commit[:12] or "the working tree"
        return commit if self.commit.startswith(self.text) or not self.commit else f"{self.text} ({commit})"

    @property
    def ovenbird(self) -> tuple[str, ...]:
        """Return the beginning of a command of this commit."""
        return (str(self.programs / "python"), "-m", "ovenbird")

    def make_environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which commands are those of this commit, without settings of ours."""
        dropped = ("OVENBIRD_", "PIP_", "PYTHON")
        return {name: text for name, text in environ.items() if not name.startswith(dropped)} | dict(self.variables)


def prepare_revisions(first: str, second: str) -> tuple[tuple[Revision, Revision], str]:
    """Return both sides, and a note on the environments that they run in. Errors: FailedError.

    They share the harness's environment where both declare the same dependencies and commands as the files here do;
    else each gets one of its own, so that neither has an advantage by how it is installed.
    """
    folders = [TOP if text == WORKING_TREE else unpack_revision(text) for text in (first, second)]
    commits = ["" if text == WORKING_TREE else find_commit(text) for text in (first, second)]
    declared = [_read_declared(folder) for folder in (TOP, *folders)]
    sides = []
    is_shared = declared[0] == declared[1] == declared[2]
    for name, text, commit, folder in zip("AB", (first, second), commits, folders, strict=True):
        if is_shared:
            paths = os.pathsep.join(str(folder / package) for package in ("wrapper", "builder"))
            side = Revision(name, text, commit, folder, Path(sys.executable).parent, {"PYTHONPATH": paths})
        else:
            side = Revision(name, text, commit, folder, _install(folder, commit), {})
        _check(side)
        sides.append(side)
    note = "one environment for both" if is_shared else "an environment for each, as what they depend on differs"
    return (sides[0], sides[1]), note


def _read_declared(folder: Path) -> Any:
    """Return what a commit declares of its dependencies and commands. Errors: FailedError."""
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        project = toml.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError) as error:
        raise FailedError(f"{folder} has no usable pyproject.toml: {error}") from None
    return [project.get(name) for name in _DECLARED]


def _install(folder: Path, commit: str) -> Path:
    """Install a commit into an environment of its own, once; the files here each time. Errors: FailedError."""
    key = hashlib.sha256(f"{sys.version}\n{commit}".encode()).hexdigest()[:12]
    target = CACHE / f"compare-{key}"
    if commit and (target / "whole").exists():
        return target / "bin"
    say(f"installing {commit[:12] or 'the working tree'} into {target} (up to {INSTALL_LIMIT:.0f} s) ...")
    shutil.rmtree(target, ignore_errors=True)
    pip = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    finish((sys.executable, "-m", "venv", str(target)), 120)
    finish((str(target / "bin" / "python"), *pip, f"{folder}[{','.join(_EXTRAS)}]", "uv"), INSTALL_LIMIT)
    (target / "whole").touch()
    return target / "bin"


def _check(side: Revision) -> None:
    """Raise FailedError unless the Python of a side imports the files of its commit."""
    code = "import json, ovenbird, ovenbird_builder as b; print(json.dumps([ovenbird.__file__, b.__file__]))"
    output = finish((str(side.programs / "python"), "-c", code), 60, env=side.make_environ(os.environ))
    home = side.folder if side.variables else side.programs.parent
    if not all(Path(file).resolve().is_relative_to(home.resolve()) for file in json.loads(output)):
        raise FailedError(f"{side.name} ({side.title}) would run other files than its own: {output.strip()}")
