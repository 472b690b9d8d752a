"""Search a tree for secrets: by the names of files, and by what stands in them.

Text is searched whole, also where it is UTF-16. In a binary file only private keys are looked for: what else looks
like a token there is chance. Archives are not opened.
"""

from __future__ import annotations

import bisect
import codecs
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ovenbird.common.hashing import hash_file

from . import credential_files, der_keys, token_patterns

RULES = f"{token_patterns.DIGEST} {credential_files.DIGEST} {der_keys.DIGEST}"
_PIECE = 1024 * 1024
_OVERLAP = 8 * 1024  # bytes: longer than what a form spans
_MOST = 100  # findings in one file: more help nobody
LARGE = 1024 * 1024  # bytes: files above are not searched again when another file of the source changes
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip

Lines = list[tuple[int, str]]  # line and what stands there
Remember = Callable[[str, Callable[[], Lines]], Lines]


class SecretFinding(Struct, frozen=True, array_like=True):
    """What looks like a secret: the path in the source, the line (0: the file as a whole), and what it looks like."""

    path: str
    line: int
    description: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.description}" if self.line else f"{self.path}: {self.description}"


def search_tree(root: Path, remember: Remember) -> list[SecretFinding]:
    """Return the likely secrets below a folder, in the order of paths and lines.

    `remember` takes the digest of a large file and a call that searches it, and returns what that gave now or before.
    """
    findings = []
    for path in sorted(_list_files(root, "")):
        file = root / path
        if description := credential_files.describe_name(path, file):
            findings.append(SecretFinding(path, 0, description))
        if not file.is_symlink():  # a link leads to another file of the tree
            findings += [SecretFinding(path, line, description) for line, description in _search_known(file, remember)]
    return findings


def search_text(path: str, data: bytes) -> list[SecretFinding]:
    """Return the likely secrets in a text; `path` is its name in the findings."""
    return [
        SecretFinding(path, line, description)
        for line, description in _search_pieces(iter((data,)), token_patterns.FORMS)
    ]


def _search_known(file: Path, remember: Remember) -> Lines:
    if file.stat().st_size < LARGE:
        return _search_file(file)
    return remember(hash_file(file), lambda: _search_file(file))


def _search_file(file: Path) -> Lines:
    with file.open("rb") as stream:
        head = stream.read(_OVERLAP)
        if head[:1] == b"\x30":  # as each structure of DER begins, and text by chance
            content = head + stream.read(der_keys.LARGEST)
            if len(content) <= der_keys.LARGEST and (description := der_keys.describe_der(content)):
                return [(0, description)]
        encoding = _guess_encoding(head)
        stream.seek(0)
        forms = token_patterns.KEYS if encoding == "binary" else token_patterns.FORMS
        return _search_pieces(_read_pieces(stream, encoding), forms)


def _guess_encoding(head: bytes) -> str:
    """Return `binary`, the name of a codec whose characters have several bytes, or "" for all other text."""
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return codec
    if b"\0" not in head:
        return ""
    pairs = len(head) // 2
    if head[1::2].count(0) > 0.7 * pairs and head[::2].count(0) < 0.1 * pairs:  # without a mark, as some editors do
        return "utf-16-le"
    if head[::2].count(0) > 0.7 * pairs and head[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return "binary"


def _read_pieces(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """Yield a file's content piece by piece; text of wide characters as UTF-8."""
    decoder = None if encoding in ("", "binary") else codecs.getincrementaldecoder(encoding)(errors="replace")
    while piece := stream.read(_PIECE):
        yield decoder.decode(piece).encode("utf-8", "replace") if decoder else piece


def _search_pieces(pieces: Iterator[bytes], forms: tuple[token_patterns.TokenPattern, ...]) -> Lines:
    """Return lines and what stands there; what lies across two pieces is found too."""
    findings: set[tuple[int, str]] = set()
    data, line = b"", 1
    for piece in pieces:
        data += piece
        ends: list[int] | None = None  # of the lines in `data`, once something was found there
        for start, description in token_patterns.find_forms(data, forms):
            if ends is None:
                ends = [match.start() for match in re.finditer(b"\n", data)]
            findings.add((line + bisect.bisect_left(ends, start), description))
            if len(findings) >= _MOST:
                return sorted(findings)
        rest = max(0, len(data) - _OVERLAP)
        line += data.count(b"\n", 0, rest)
        data = data[rest:]
    return sorted(findings)


def _list_files(folder: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _list_files(folder / entry.name, f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name
