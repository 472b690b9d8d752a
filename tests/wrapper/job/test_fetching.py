"""Sources that a run of the platform names by URL, from real servers."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.stores import Server, give

from ovenbird.document import Function
from ovenbird.errors import LoadError
from ovenbird.job.fetching import fetched, unpack
from ovenbird.platform import files

CODE = b"def f(): return 1\n"


def function(source: str, handler: str = "mod:f") -> Function:
    return Function(root=Path(), name="f", handler=handler, source=source)


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.fixture
def web(server: Server) -> Callable[[bytes], str]:
    """Serve a body; the address."""

    def start(body: bytes) -> str:
        def answer(request: BaseHTTPRequestHandler) -> None:
            give(request, body)

        server.answer = answer
        return server.url

    return start


@pytest.mark.parametrize(("handler", "name"), [("mod:f", "mod.py"), ("f", "main.py")])
def test_one_file(web: Callable[[bytes], str], handler: str, name: str) -> None:
    """It keeps its name, or is `main.py` where the handler names no module."""
    folder = fetched(function(web(CODE) + "/deep/mod.py?token=x", handler), {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: CODE}


def test_an_archive(web: Callable[[bytes], str]) -> None:
    url = web(zipped(**{"mod.py": CODE, "pkg/__init__.py": b""}))
    folder = fetched(function(f"zip+{url}/a.zip"), {})
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")) == ["mod.py", "pkg/__init__.py"]


def test_an_object_store(s3: dict[str, str], tmp_path: Path) -> None:
    """A file, a folder (its address ends in `/`), an archive."""
    (tmp_path / "mod.py").write_bytes(CODE)
    (tmp_path / "a.zip").write_bytes(zipped(**{"mod.py": CODE}))
    files.upload([tmp_path / "mod.py", tmp_path / "a.zip"], "s3://outputs/src/", s3)
    for source in ("s3://outputs/src/mod.py", "s3://outputs/src/", "zip+s3://outputs/src/a.zip"):
        assert (fetched(function(source), s3) / "mod.py").read_bytes() == CODE


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("git+https://h/r", "cannot be fetched"),
        ("ftp://h/x.py", "cannot be fetched"),
        ("http://127.0.0.1:9/x.py", "was not fetched"),
        ("http://127.0.0.1:9/x.tar", "is no .py file"),
    ],
)
def test_what_cannot_be_fetched_is_told(source: str, told: str) -> None:
    with pytest.raises(LoadError, match=told):
        fetched(function(source), {})


def _link() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (zipped(**{"../x.py": b""}), "leaves its folder"),
        (zipped(**{"/etc/x.py": b""}), "leaves its folder"),
        (_link(), "neither file nor folder"),
        (zipped(bomb=b"\0" * 8_000_000), "unpacks to 8000000 bytes"),
        (b"no archive", "no archive that can be unpacked"),
    ],
)
def test_archives_that_are_not_trusted(content: bytes, told: str, tmp_path: Path) -> None:
    """Members that leave the folder, links, bombs, and what is no archive; nothing is written."""
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(LoadError, match=told):
        unpack(archive, tmp_path / "out", "zip+http://h/a.zip")
    assert not (tmp_path / "out").exists()
