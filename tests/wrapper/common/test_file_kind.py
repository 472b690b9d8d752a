"""The kind of a file, in the words of a message."""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
from pathlib import Path

from ovenbird.common.file_kind import describe_file


def test_each_kind_has_its_words(tmp_path: Path) -> None:
    """A file's kind follows from its first bytes, whatever its name; a missing file has none."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    for name in ("app.zip", "app.bin", "app-1-py3-none-any.whl"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(tmp_path / "main.py", "main.py")
    with tarfile.open(tmp_path / "app.tar", "w") as tar:
        tar.add(tmp_path / "main.py", "main.py")
    with tarfile.open(tmp_path / "app.bundle", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(tmp_path / "main.py", "bundle.json")
    with tarfile.open(tmp_path / "app.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "main.py", "main.py")
    (tmp_path / "table.csv.gz").write_bytes(gzip.compress(b"a,b"))
    (tmp_path / "train.ipynb").write_text("{}")
    (tmp_path / "empty").touch()
    (tmp_path / "model.bin").write_bytes(b"\0\1\2")
    os.mkfifo(tmp_path / "pipe")
    kinds = {path.name: describe_file(path) for path in tmp_path.iterdir()}
    assert kinds == {
        "main.py": "a text file", "app.zip": "a zip archive", "app.bin": "a zip archive",
        "app-1-py3-none-any.whl": "a wheel", "app.tar": "a tar archive", "app.tar.gz": "a tar archive",
        "app.bundle": "a bundle of `ovenbird bundle`", "table.csv.gz": "a file that is compressed (gzip)",
        "empty": "an empty file", "model.bin": "a binary file", "pipe": "no regular file",
        "train.ipynb": "a notebook",
    }  # fmt: skip
    assert describe_file(tmp_path) == "a folder"
    assert describe_file(tmp_path / "none") == describe_file(Path("a\0b")) == ""
