"""SourceTree: the result of each form of source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from .tree_digest import FileRow


class SourceTree(Struct, frozen=True):
    """A function's files, ready to become a layer: modes 0644 and 0755, no link out, nothing that was ignored.

    `uri` says where from, without credentials, and nothing of this machine: it may enter an image. `inline` and
    `local` stand for the document and the disk. `revision` is the full commit (git, and a folder in a working
    copy, with `-dirty` where the files are not those of the commit) or the digest of what was fetched (a file, a zip, a
    prefix), empty for any other folder. `digest` is that of the content (see tree_digest.py). `epoch` is the
    commit's time in seconds, None where the form has none. `file` is the path of the source in the tree when it is
    one file, else empty. `warnings` are for people. `rows` are the files, and `left_out` says of each path that is not
    among them why it is not; neither comes with a bundle.
    """

    path: Path
    uri: str
    revision: str
    digest: str
    epoch: int | None
    file: str = ""
    warnings: tuple[str, ...] = ()
    rows: tuple[FileRow, ...] = ()
    left_out: Mapping[str, str] = {}
