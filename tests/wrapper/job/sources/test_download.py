"""Sources that a run of the platform names by URL, from real servers."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests import hostile_tars
from tests.hostile_zips import DAMAGED, LINKS_OUT, UNSAFE
from tests.stores import Server, send_reply

import ovenbird.job.sources
from ovenbird.common.source_limits import SourceLimits
from ovenbird.errors import LoadError, UnsupportedRunError
from ovenbird.function_document import FunctionSpec
from ovenbird.job.sources.download import download_source, unpack
from ovenbird.platform.storage import files

CODE = b"def f(): return 1\n"


def function(source: str, handler: str = "mod:f") -> FunctionSpec:
    return FunctionSpec(root=Path(), name="f", handler=handler, source=source)


def make_zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def web(server: Server) -> Callable[[bytes], str]:
    """Serve a body; the address."""

    def start(body: bytes) -> str:
        def answer(request: BaseHTTPRequestHandler) -> None:
            send_reply(request, body)

        server.answer = answer
        return server.url

    return start


@pytest.mark.parametrize(("handler", "name"), [("mod:f", "mod.py"), ("f", "main.py")])
def test_one_file(web: Callable[[bytes], str], handler: str, name: str) -> None:
    """A single file keeps its name, or becomes `main.py` where the handler has no module."""
    folder = download_source(function(web(CODE) + "/deep/mod.py?token=x", handler), {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: CODE}


def test_an_archive(web: Callable[[bytes], str]) -> None:
    url = web(make_zip(**{"mod.py": CODE, "pkg/__init__.py": b""}))
    folder = download_source(function(f"zip+{url}/a.zip"), {})
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")) == ["mod.py", "pkg/__init__.py"]


@pytest.mark.slow
def test_an_object_store(s3: dict[str, str], tmp_path: Path) -> None:
    """A file, a folder (its address ends in `/`), an archive."""
    (tmp_path / "mod.py").write_bytes(CODE)
    (tmp_path / "a.zip").write_bytes(make_zip(**{"mod.py": CODE}))
    files.upload([tmp_path / "mod.py", tmp_path / "a.zip"], "s3://outputs/src/", s3)
    for source in (
        "s3://outputs/src/mod.py", "s3://outputs/src/", "zip+s3://outputs/src/a.zip", "s3a://outputs/src/mod.py",
        "zip+s3a://outputs/src/a.zip",
    ):  # fmt: skip
        assert (download_source(function(source), s3) / "mod.py").read_bytes() == CODE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("git+ssh://git@h/r", "git over ssh is not supported"),
        ("git+https://h/r#a..b", "is not the name of a branch"),
        ("ftp://h/x.py", "cannot be fetched"),
        ("http://127.0.0.1:9/x.py", "was not fetched"),
        ("http://127.0.0.1:9/x.txt", "is not a `.py` file"),
        ("zip+http://127.0.0.1:9/x.tar", "was not fetched"),
    ],
)
def test_sources_that_cannot_be_fetched(source: str, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        download_source(function(source), {})


_ARCHIVES = {f"zip: {name}": row for name, row in {**DAMAGED, **UNSAFE, **LINKS_OUT}.items()} | {
    f"tar: {name}": row
    for rows in (hostile_tars.DAMAGED, hostile_tars.UNSAFE, hostile_tars.LINKS_OUT)
    for name, row in rows.items()
}


@pytest.mark.parametrize("name", _ARCHIVES)
def test_archives_that_are_not_trusted(name: str, tmp_path: Path) -> None:
    """An archive that is damaged, lies, leaves its folder or fills the disk: exit 72, and no file is left."""
    content, words = _ARCHIVES[name]
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(LoadError, match=words) as caught:
        unpack(archive, tmp_path / "out", function(f"zip+http://h/a.{name[:3]}"), SourceLimits())
    assert caught.value.exit_code == 72
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("zip+{}/main.zip", "mod.py"),
        ("{}/main.zip", "mod.py"),
        ("{}/main.zip?token=x#lib", "mod.py"),
        ("zip+{}/download#subdirectory=app-main/lib", "mod.py"),
        ("{}/main.zip#app-main", "lib/mod.py"),
    ],
)
def test_the_folder_of_an_archive(web: Callable[[bytes], str], source: str, name: str) -> None:
    """The one folder of a forge's download is stepped into; `#folder` names one in it, or from the top."""
    url = web(make_zip(**{"app-main/mod.py": CODE, "app-main/lib/mod.py": CODE, "__MACOSX/._mod.py": b""}))
    folder = download_source(function(source.format(url)), {})
    assert (folder / name).read_bytes() == CODE
    assert {path.name for path in folder.iterdir()} <= {"mod.py", "lib"}


def test_a_package_alone_in_an_archive_is_not_stepped_into(web: Callable[[bytes], str]) -> None:
    """Where the handler's module is found from the top, that is the root."""
    url = web(make_zip(**{"pkg/mod.py": CODE, "pkg/__init__.py": b""}))
    for handler in ("pkg.mod:f", "pkg:f"):
        assert [path.name for path in download_source(function(f"zip+{url}/a.zip", handler), {}).iterdir()] == ["pkg"]


def test_a_folder_that_an_archive_does_not_have(web: Callable[[bytes], str]) -> None:
    """The error has a similar path; no path leads out of the archive."""
    url = web(make_zip(**{"app-main/mod.py": CODE, "app-main/lib/mod.py": CODE}))
    for folder, words in (("libs", r"has no folder 'libs' \(did you mean 'lib'"), ("../x", "leaves the folder")):
        with pytest.raises(LoadError, match=words):
            download_source(function(f"zip+{url}/a.zip#{folder}"), {})


def test_a_tar_by_its_address_or_by_its_content(web: Callable[[bytes], str]) -> None:
    """A tar is unpacked with `zip+` and without, also where only its content shows that it is a tar."""
    data = hostile_tars.PACKERS["gzip"](hostile_tars.build(hostile_tars.Member("./app-main/mod.py", CODE)))
    url = web(data)
    for source, handler in (
        (f"{url}/app.tar.gz", "mod:f"), (f"{url}/app.tgz?x=1", "mod:f"), (f"zip+{url}/app", "mod:f"),
        (f"{url}/mod.py", "mod:f"),
    ):  # fmt: skip
        assert (download_source(function(source, handler), {}) / "mod.py").read_bytes() == CODE


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
    with pytest.raises(LoadError, match=r"larger than 976.6 KiB \(`OVENBIRD_SOURCE_LIMIT") as caught:
        download_source(function(f"{server.url}/mod.py"), {"OVENBIRD_SOURCE_LIMIT": "1MB"})
    assert caught.value.exit_code == 72
    assert len(server.requests) == 1


def test_git_without_dulwich(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the missing package and its extra; the rendered module may still run."""
    monkeypatch.delitem(sys.modules, "ovenbird.job.sources.git_fetch", raising=False)
    monkeypatch.delattr(ovenbird.job.sources, "git_fetch", raising=False)
    monkeypatch.setitem(sys.modules, "dulwich.errors", None)
    with pytest.raises(UnsupportedRunError, match=r"needs the package `dulwich`.*pip install.*\[platform\]"):
        download_source(function("git+https://h/r"), {})
