"""Sources that a run of the platform names by URL, from real servers."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.hostile_zips import DAMAGED, LINKS_OUT, UNSAFE
from tests.stores import Server, give

import ovenbird.job
from ovenbird.common.source_limits import SourceLimits
from ovenbird.document import Function
from ovenbird.errors import LoadError, UnservedError
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
    for source in (
        "s3://outputs/src/mod.py", "s3://outputs/src/", "zip+s3://outputs/src/a.zip", "s3a://outputs/src/mod.py",
        "zip+s3a://outputs/src/a.zip",
    ):  # fmt: skip
        assert (fetched(function(source), s3) / "mod.py").read_bytes() == CODE


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("git+ssh://git@h/r", "git over ssh is not spoken"),
        ("git+https://h/r#a..b", "is not the name of a branch"),
        ("ftp://h/x.py", "cannot be fetched"),
        ("http://127.0.0.1:9/x.py", "was not fetched"),
        ("http://127.0.0.1:9/x.tar", "is no .py file"),
    ],
)
def test_what_cannot_be_fetched_is_told(source: str, told: str) -> None:
    with pytest.raises(LoadError, match=told):
        fetched(function(source), {})


@pytest.mark.parametrize("what", [*DAMAGED, *UNSAFE, *LINKS_OUT])
def test_archives_that_are_not_trusted(what: str, tmp_path: Path) -> None:
    """What is damaged, lies about itself, leaves its folder or fills the disk ends a run with 72; nothing is kept."""
    content, words = {**DAMAGED, **UNSAFE, **LINKS_OUT}[what]
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(LoadError, match=words) as caught:
        unpack(archive, tmp_path / "out", "zip+http://h/a.zip", SourceLimits())
    assert caught.value.exit_code == 72
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["length", "chunked", "nothing"])
def test_a_source_has_a_limit(server: Server, form: str) -> None:
    """A download ends when it is larger, whether or not its server announces that, and the hint names the setting."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if form == "length":
            request.send_header("Content-Length", str(1 << 40))
        elif form == "chunked":
            request.send_header("Transfer-Encoding", "chunked")
        else:
            request.close_connection = True
        request.end_headers()
        block = b"x" * 100_000
        for _ in range(200):
            request.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if form == "chunked" else block)

    server.answer = answer
    with pytest.raises(LoadError, match=r"larger than 976.6 KiB \(OVENBIRD_SOURCE_LIMIT") as caught:
        fetched(function(f"{server.url}/mod.py"), {"OVENBIRD_SOURCE_LIMIT": "1MB"})
    assert caught.value.exit_code == 72
    assert len(server.asked) == 1


def test_git_without_dulwich(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with what brings it; the rendered module may still take the run."""
    monkeypatch.delitem(sys.modules, "ovenbird.job.repository", raising=False)
    monkeypatch.delattr(ovenbird.job, "repository", raising=False)
    monkeypatch.setitem(sys.modules, "dulwich.errors", None)
    with pytest.raises(UnservedError, match=r"needs the package dulwich.*ovenbird\[platform\]"):
        fetched(function("git+https://h/r"), {})
