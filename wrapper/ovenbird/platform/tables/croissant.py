"""Data sets that a Croissant file describes: what it says of them, and which files beside it belong to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...common.named_paths import is_file, is_folder
from ...common.text import show_value
from ...errors import OutputError
from ..entities.overwrite import stage_tree

METADATA = "metadata.json"


@dataclass(frozen=True)
class Croissant:
    """A data set: its metadata file, and the paths of its own files beside that."""

    metadata: Path
    files: tuple[str, ...]
    name: str
    description: str
    keywords: list[str]

    def stage(self) -> str:
        """Return a temporary folder with the metadata, as `metadata.json`, and the files. Errors: OutputError."""
        folder = stage_tree(self.files, self.metadata.parent)
        Path(folder, METADATA).write_bytes(self.metadata.read_bytes())
        return folder


def read_croissant(source: Any) -> Croissant:
    """Return the description in a Croissant file, or in `metadata.json` of a folder. Errors: OutputError."""
    path = Path(str(source))
    if is_folder(path):
        path /= METADATA
    if source is None or not is_file(path) or path.suffix != ".json":
        hint = "a folder with `metadata.json`, or a `.json` file"
        raise OutputError(f"{show_value(str(source))} holds no Croissant metadata", hint=hint)
    path = path.resolve()
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any])
    except (msgspec.MsgspecError, OSError, RecursionError) as error:
        raise OutputError(f"{path} is not Croissant metadata: {error}") from error
    files = tuple(dict.fromkeys(_list_files(content, path)))
    keywords = content.get("keywords") or []
    keywords = keywords if isinstance(keywords, list) else [keywords]
    name, description = str(content.get("name") or ""), str(content.get("description") or "")
    return Croissant(path, files, name, description, [str(word) for word in keywords])


def _list_files(content: dict[str, Any], path: Path) -> Iterable[str]:
    """Yield the paths of the files next to the metadata. Errors: OutputError for a missing file."""
    distribution = content.get("distribution") or []
    for item in distribution if isinstance(distribution, list) else [distribution]:
        if not isinstance(item, dict) or not str(item.get("@type", "")).endswith("FileObject"):
            continue
        location = item.get("contentUrl")
        if not isinstance(location, str) or not location or "://" in location:
            continue
        if item.get("containedIn"):  # it lies in an archive, which is a file of its own
            continue
        file = (path.parent / location).resolve()
        if path.parent not in file.parents:
            raise OutputError(f"{path}: its file {show_value(location)} lies outside of its folder")
        if not is_file(file):
            raise OutputError(f"{path}: its file {show_value(location)} is not there")
        yield str(file.relative_to(path.parent))
