"""What a capture gives: the text of a module, and what has to be there for it to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module of the user's own that the captured text imports: its import name, and its file or its folder."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class CapturedModule:
    """The text of a module that holds a function; the same function gives the same text.

    `handler` is the function's name in it. `file_name` is relative to the source root: `train.py`, `pkg/train.py`.
    `source_file` is the user's file when the text is the whole of it; None when the text was put together.
    `requirements` are the distributions that the text and the local modules import, at the installed versions.
    `unresolved_imports` are modules that are imported and were not found here.
    """

    text: str
    handler: str
    file_name: str
    source_file: Path | None = None
    requirements: tuple[str, ...] = ()
    local_modules: tuple[LocalModule, ...] = ()
    unresolved_imports: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module's import name, such as `pkg.train`."""
        return ".".join(Path(self.file_name).with_suffix("").parts)

    @property
    def root(self) -> Path | None:
        """The source root of the user's file: the folder that `file_name` begins in; None for text put together."""
        if self.source_file is None:
            return None
        return self.source_file.parents[len(Path(self.file_name).parts) - 1]

    @property
    def target(self) -> str:
        """The target for the command line, with `root` as its source: `pkg.train:handler`."""
        return f"{self.module}:{self.handler}"
