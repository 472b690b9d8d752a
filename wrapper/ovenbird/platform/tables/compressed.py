"""Compressed files of tables: `.csv.gz`, `.json.zst`, `.csv.zip` and their like, opened as what they hold."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from ...common.text import show_value
from ...errors import InputError

_KINDS = {".gz": "gzip", ".gzip": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".zstd": "zstd", ".zip": "zip"}
_SIGNATURES = {
    "gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zstd": b"\x28\xb5\x2f\xfd", "zip": b"PK\x03\x04",
}  # fmt: skip


def strip_compression(name: str) -> str:
    """Return a file name without the extension of a compression: `a.csv` for `a.csv.gz`."""
    end = PurePosixPath(name).suffix
    return name[: -len(end)] if end.lower() in _KINDS else name


def detect_compression(path: Path, name: str) -> str:
    """Return how a regular file is compressed, by its first bytes: gzip, bz2, xz, zstd; nothing for any other.

    A server may have decoded what is still called `.csv.gz`. `zip` is for `.zip` alone: Excel's files begin alike.
    """
    if not path.is_file():  # the bytes of a FIFO can be read once
        return ""
    with path.open("rb") as file:
        start = file.read(6)
    kind = next((kind for kind, signature in _SIGNATURES.items() if start.startswith(signature)), "")
    return "" if kind == "zip" and _KINDS.get(PurePosixPath(name).suffix.lower()) != "zip" else kind


def open_compressed(path: Path, kind: str, closing: ExitStack) -> tuple[IO[bytes], str]:
    """Return the stream of a compressed file's content, and the name of the member of a zip. `closing` closes it.

    Errors: InputError for a zip of several files, and where Python lacks Zstandard; those of the file.
    """
    if kind == "zip":
        return _open_zip(path, closing)
    if kind == "zstd":
        return _open_zstd(path, closing), ""
    import importlib

    module = importlib.import_module({"xz": "lzma"}.get(kind, kind))
    return cast("IO[bytes]", closing.enter_context(module.open(path, "rb"))), ""


def _open_zip(path: Path, closing: ExitStack) -> tuple[IO[bytes], str]:
    import zipfile

    archive = closing.enter_context(zipfile.ZipFile(path))
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(names) != 1:
        listed = ", ".join(map(show_value, names[:10]))
        raise InputError(f"the zip holds {len(names)} files, and a table is one: {listed}", hint="unpack it")
    return closing.enter_context(archive.open(names[0])), names[0]


def _open_zstd(path: Path, closing: ExitStack) -> IO[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14

        return cast("IO[bytes]", closing.enter_context(zstd.open(path, "rb")))
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        from ...common.install_hint import format_install_command

        raise InputError(
            "Zstandard needs the package `zstandard`, which is not installed", hint=format_install_command("tables")
        ) from None
    file: Any = closing.enter_context(path.open("rb"))
    reader: Any = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return io.BufferedReader(closing.enter_context(reader))
