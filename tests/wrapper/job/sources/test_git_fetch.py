"""Git sources that a run fetches when it starts, from a real git server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.authority import make_tls_context
from tests.gitserver import GitServer, Repository, git
from tests.stores import Server, send_reply

from ovenbird.common import git_url
from ovenbird.common.git_checkout import read_revision
from ovenbird.errors import GitRefNotFoundError, LoadError, SourceUrlError
from ovenbird.job.sources import git_fetch as module

Fetched = Callable[..., dict[str, str]]


@pytest.fixture
def fetch_source(tmp_path: Path) -> Fetched:
    """Every file of a source -> its content; `HEAD` -> the commit. After a failure nothing is left."""

    def run(source: str, limit: float = 60.0, **environ: str) -> dict[str, str]:
        out = tmp_path / "out"
        out.mkdir()
        try:
            module.fetch(git_url.parse(source), out / "source", {"HOME": str(tmp_path), **environ}, limit)
        except BaseException:
            out.rmdir()  # it is empty
            raise
        assert [path.name for path in out.iterdir()] == ["source"]
        root = out / "source"
        contents = {"HEAD": read_revision(root)}
        for path in sorted(root.rglob("*")):
            if path.is_file() and ".git" not in path.parts:
                contents[path.relative_to(root).as_posix()] = path.read_text()
        out.rename(tmp_path / f"out-{time.monotonic_ns()}")
        return contents

    return run


@pytest.mark.slow
def test_a_branch_a_tag_and_a_commit(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    """Each reference gives its files and the full commit, which provenance reads; a short commit does too."""
    first = repository.commit(main_py="first")
    git(repository.folder, "tag", "-a", "-m", "x", "v1")
    git(repository.folder, "tag", "light")
    middle = repository.commit(main_py="middle")
    last = repository.commit(main_py="last")
    git(repository.folder, "branch", "deadbeef", first)
    url = f"git+{gits.url}/app/.git"
    for ref, commit, text in (
        ("", last, "last"), ("#main", last, "last"), ("#refs/heads/main", last, "last"), ("#v1", first, "first"),
        ("#light", first, "first"), (f"#{middle}", middle, "middle"), (f"#{middle[:9]}", middle, "middle"),
        (f"#{last[:9]}", last, "last"), ("#deadbeef", first, "first"),
    ):  # fmt: skip
        assert fetch_source(url + ref) == {"HEAD": commit, "main.py": text}, ref


@pytest.mark.slow
def test_one_commit_is_fetched_and_not_the_history(
    fetch_source: Fetched, gits: GitServer, repository: Repository
) -> None:
    """A large file that another commit has is not transferred, whichever way the commit is named."""
    (repository.folder / "big").write_bytes(os.urandom(3_000_000))
    repository.commit()
    (repository.folder / "big").unlink()
    middle = repository.commit(main_py="x")
    repository.commit(main_py="y")
    sizes = gits.count()
    for ref in ("main", middle):
        fetch_source(f"git+{gits.url}/app/.git#{ref}")
    assert sum(sizes) < 100_000
    assert len(gits.requests) == 6  # what the server can do, its references, the commit


def test_a_server_that_gives_no_single_commit(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    """A server of protocol 0 gets a request for branches and tags instead; a commit in none of them is an error."""
    first = repository.commit(main_py="first")
    repository.commit(main_py="second")
    answer = gits.answer

    def old(request: BaseHTTPRequestHandler) -> None:
        del request.headers["Git-Protocol"]
        answer(request)

    gits.answer = old
    assert fetch_source(f"git+{gits.url}/app/.git#{first}") == {"HEAD": first, "main.py": "first"}
    with pytest.raises(GitRefNotFoundError, match=r"no branch, tag or commit '0000"):
        fetch_source(f"git+{gits.url}/app/.git#{'0' * 39}1")


def test_a_subfolder(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    """Both forms work, and other folders are not written. The error for a missing folder lists the existing ones."""
    commit = repository.commit(a__b__main_py="x", other_py="y", c__d_py="z")
    url = f"git+{gits.url}/app/.git"
    for fragment in ("#main:a/b", "#:a/b", "#main&subdirectory=a/b"):
        assert fetch_source(url + fragment) == {"HEAD": commit, "main.py": "x"}
    with pytest.raises(SourceUrlError, match=r"the folder 'a/x' does not exist \(the folders there: 'b'\)"):
        fetch_source(url + "#main:a/x")
    with pytest.raises(SourceUrlError, match=r"the folder 'other.py' is not a folder"):
        fetch_source(url + "#main:other.py")


@pytest.mark.parametrize("path", ["app/.git", "missing"])
def test_what_is_not_there(fetch_source: Fetched, gits: GitServer, repository: Repository, path: str) -> None:
    """A missing reference is reported with a similar name; a missing repository is reported."""
    repository.commit(main_py="x")
    message = r"no branch, tag or commit 'mian' \(did you mean 'main'" if path == "app/.git" else "no such repository"
    with pytest.raises(LoadError, match=message):
        fetch_source(f"git+{gits.url}/{path}#mian")


def test_a_repository_without_a_commit(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    with pytest.raises(GitRefNotFoundError, match="has no commit"):
        fetch_source(f"git+{gits.url}/{repository.folder.name}/.git")


@pytest.mark.parametrize(
    ("login", "environ"),
    [
        (("oauth2", "ghp_s3cret"), {"GIT_TOKEN": "ghp_s3cret"}),
        (("s3cret", "x-oauth-basic"), {"GIT_TOKEN": "s3cret"}),
        (("ada", "s3cret"), {"GIT_USERNAME": "ada", "GIT_PASSWORD": "s3cret"}),
        (("ada", "s3cret"), {"NETRC": "netrc"}),
    ],
)
def test_credentials(
    fetch_source: Fetched, gits: GitServer, repository: Repository, tmp_path: Path, login: Any, environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Credentials of the environment or .netrc are sent when the server demands them, and are never printed."""
    commit = repository.commit(main_py="x")
    if "NETRC" in environ:
        environ = {"NETRC": str(tmp_path / "netrc")}
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password s3cret\n")
    gits.login = login
    source = f"git+{gits.url}/app/.git"
    assert fetch_source(source, **environ)["HEAD"] == commit
    assert [bool(credentials) for _, credentials in gits.requests] == [False, True, True, True]
    with pytest.raises(LoadError, match=r"its server asks for credentials \(`GIT_TOKEN") as without:
        fetch_source(source)
    gits.login = ("other", "other")
    with pytest.raises(LoadError, match="its server refuses the credentials") as refused:
        fetch_source(source, **environ)
    assert "s3cret" not in caplog.text + str(without.value) + str(refused.value)


def test_credentials_in_the_address(
    fetch_source: Fetched, gits: GitServer, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    """Credentials of a URL are used, and never printed."""
    commit = repository.commit(main_py="x")
    gits.login = ("ada", "s3cret")
    source = f"git+{gits.url.replace('//', '//ada:s3cret@')}/app/.git"
    with caplog.at_level("DEBUG"):
        assert fetch_source(source)["HEAD"] == commit
        with pytest.raises(LoadError, match="no branch") as caught:
            fetch_source(source + "#none")
    assert commit in caplog.text
    assert "s3cret" not in caplog.text + str(caught.value)


def test_a_token_that_nobody_asks_for_is_not_sent(
    fetch_source: Fetched, gits: GitServer, repository: Repository
) -> None:
    """The token may belong to another server: a public repository is read without it."""
    repository.commit(main_py="x")
    fetch_source(f"git+{gits.url}/app/.git", GIT_TOKEN="for another")
    assert not any(credentials for _, credentials in gits.requests)


def test_a_redirect_takes_no_credentials_along(
    fetch_source: Fetched, gits: GitServer, repository: Repository, server: Server
) -> None:
    """A server that receives a redirected request does not get our credentials."""
    commit = repository.commit(main_py="x")

    def moved(request: BaseHTTPRequestHandler) -> None:
        request.send_response(301)
        request.send_header("Location", gits.url + request.path)
        request.send_header("Content-Length", "0")
        request.end_headers()

    server.answer = moved
    source = f"git+{server.url}/app/.git"
    assert fetch_source(source, GIT_TOKEN="s3cret")["HEAD"] == commit
    gits.login = ("s3cret", "x-oauth-basic")
    with pytest.raises(LoadError, match="credentials"):
        fetch_source(source, GIT_TOKEN="s3cret")
    assert not any(credentials for _, credentials in gits.requests)


@pytest.mark.slow
def test_a_server_that_is_down(fetch_source: Fetched, server: Server) -> None:
    server.close()
    with pytest.raises(LoadError, match=r"was not fetched: http://127.0.0.1:\d+/app: .*refused"):
        fetch_source(f"git+{server.url}/app")
    server.__init__()


@pytest.mark.slow
def test_an_overloaded_server_gets_another_request(
    fetch_source: Fetched, gits: GitServer, repository: Repository
) -> None:
    """After a single 503 the request is repeated; a server that always answers 503 is an error."""
    commit = repository.commit(main_py="x")
    answer, refusals = gits.answer, [1]

    def busy(request: BaseHTTPRequestHandler) -> None:
        refusals[0] -= 1
        if refusals[0] < 0:
            return answer(request)
        request.send_response(503)
        request.send_header("Content-Length", "0")
        return request.end_headers()

    gits.answer = busy
    assert fetch_source(f"git+{gits.url}/app/.git")["HEAD"] == commit
    refusals[0] = 100
    with pytest.raises(LoadError, match="its server answered 503"):
        fetch_source(f"git+{gits.url}/app/.git")


def test_what_is_no_git_server(fetch_source: Fetched, server: Server) -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "13")
        request.end_headers()
        request.wfile.write(b"<html></html>")

    server.answer = page
    with pytest.raises(LoadError, match=r"was not fetched: .* answers with text/html"):
        fetch_source(f"git+{server.url}/app")


@pytest.mark.slow
def test_a_server_that_hangs(fetch_source: Fetched, server: Server) -> None:
    release = threading.Event()
    server.answer = lambda request: release.wait(20)
    start = time.monotonic()
    try:
        with pytest.raises(LoadError, match="no answer came in time"):
            fetch_source(f"git+{server.url}/app", limit=0.5)
        assert time.monotonic() - start < 6
    finally:
        release.set()


@pytest.mark.slow
def test_tls(fetch_source: Fetched, gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """A server is believed by the authorities that are trusted, and GIT_SSL_CAINFO names another."""
    commit = repository.commit(main_py="x")
    context, authority = make_tls_context(tmp_path)
    gits._server.socket = context.wrap_socket(gits._server.socket, server_side=True)
    source = f"git+{gits.url.replace('http:', 'https:')}/app/.git"
    assert fetch_source(source, GIT_SSL_CAINFO=str(authority))["HEAD"] == commit
    with pytest.raises(LoadError, match=r"issuer certificate \(`GIT_SSL_CAINFO` or `SSL_CERT_FILE"):
        fetch_source(source)


def test_links_and_modes(fetch_source: Fetched, gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """Links within the source and the executable bit are restored."""
    repository.commit(a__main_py="x", run_sh="#!/bin/sh\n")
    (repository.folder / "run_sh").chmod(0o755)
    (repository.folder / "link.py").symlink_to("a/main.py")
    (repository.folder / "folder").symlink_to("a")
    repository.commit()
    assert fetch_source(f"git+{gits.url}/app/.git")["link.py"] == "x"
    (root,) = tmp_path.glob("out-*/source")
    assert (str((root / "folder").readlink()), (root / "run_sh").stat().st_mode & 0o111) == ("a", 0o111)


def tree(repository: Repository, *entries: str) -> str:
    """Commit raw entries on the branch `bad`: `MODE TYPE OBJECT\\tNAME`. git does not check them."""
    raw = b"".join(
        f"{mode.lstrip('0')} {path}".encode() + b"\0" + bytes.fromhex(sha)
        for mode, _, sha, path in (entry.replace("\t", " ", 1).split(" ", 3) for entry in entries)
    )
    (repository.folder / "raw").write_bytes(raw)
    digest = git(repository.folder, "hash-object", "-t", "tree", "-w", "--literally", "raw")
    commit = git(repository.folder, "commit-tree", "-m", "x", digest)
    git(repository.folder, "update-ref", "refs/heads/bad", commit)
    return commit


@pytest.mark.parametrize(
    ("target", "message"),
    [("/etc/passwd", "leaves the source"), ("../../secret", "leaves the source"), ("a/b/up/..", "leaves the source")],
)
def test_a_link_that_leaves(
    fetch_source: Fetched, gits: GitServer, repository: Repository, target: str, message: str
) -> None:
    """Out of the source: at once, by steps, and by way of another link."""
    repository.commit(a__b__c_py="x")
    (repository.folder / "a" / "b" / "up").symlink_to("../..")
    (repository.folder / "link").symlink_to(target)
    repository.commit()
    with pytest.raises(LoadError, match=message):
        fetch_source(f"git+{gits.url}/app/.git")


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/b", "../x.py"])
def test_a_name_that_leaves(fetch_source: Fetched, gits: GitServer, repository: Repository, name: str) -> None:
    """Or that would make a repository of git's own."""
    repository.commit(main_py="x")
    blob = git(repository.folder, "rev-parse", "HEAD:main.py")
    tree(repository, f"100644 blob {blob}\t{name}")
    with pytest.raises(LoadError, match="leaves its folder or is git's own"):
        fetch_source(f"git+{gits.url}/app/.git#bad")


def test_a_folder_behind_a_link_of_its_name(
    fetch_source: Fetched, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A tree has one name twice, as a link and as a folder: no file is written to the link's target."""
    repository.commit(a__main_py="x")
    (tmp_path / "outside").mkdir()
    inner = git(repository.folder, "rev-parse", "HEAD:a")
    link = git(repository.folder, "hash-object", "-w", "--stdin", stdin=str(tmp_path / "outside"))
    tree(repository, f"120000 blob {link}\ta", f"040000 tree {inner}\ta")
    assert fetch_source(f"git+{gits.url}/app/.git#bad")["a/main.py"] == "x"
    assert list((tmp_path / "outside").iterdir()) == []


def test_submodules_and_large_files_are_reported(
    fetch_source: Fetched, gits: GitServer, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    """Submodules and files of git-lfs are not fetched; the log names each."""
    repository.commit(main_py="x", model="version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    repository.submodule("deps/lib", "https://h/r", "1" * 40)
    assert fetch_source(f"git+{gits.url}/app/.git")["main.py"] == "x"
    assert "submodules are not fetched when a run starts: 'deps/lib' left empty" in caplog.text
    assert "files of git-lfs are not fetched when a run starts: 'model'" in caplog.text


def test_too_many_files(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    """Files are counted before they are written, also where all have the same content."""
    repository.commit(main_py="x")
    blob = git(repository.folder, "rev-parse", "HEAD:main.py")
    wide = git(repository.folder, "mktree", stdin="".join(f"100644 blob {blob}\tf{n}\n" for n in range(1001)))
    top = git(repository.folder, "mktree", stdin=f"040000 tree {wide}\twide\n")
    commit = git(repository.folder, "commit-tree", "-m", "x", top)
    git(repository.folder, "update-ref", "refs/heads/bomb", commit)
    with pytest.raises(LoadError, match="more than 1000 files"):
        fetch_source(f"git+{gits.url}/app/.git#bomb", OVENBIRD_SOURCE_FILES="1000")


@pytest.mark.slow
def test_a_redirect_does_not_leave_https(
    fetch_source: Fetched, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A redirect leads only to https; the plain server gets no request."""
    repository.commit(main_py="x")
    context, authority = make_tls_context(tmp_path)
    secure = Server()
    inner: Any = secure._server
    inner.socket = context.wrap_socket(inner.socket, server_side=True)
    address = secure.url.replace("http:", "https:")
    try:
        for location, words in (
            (f"{gits.url}/app/.git/info/refs?service=git-upload-pack", "redirects away from HTTPS"),
            ("file:///etc/passwd", "redirects to something else"),
            ("http://user:pw@127.0.0.1/x", "redirects to something else"),
            ("/again", "redirects more than 5 times"),
        ):
            secure.answer = lambda request, to=location: send_reply(request, b"", 302, Location=to)
            with pytest.raises(LoadError, match=words):
                fetch_source(f"git+{address}/app/.git", GIT_SSL_CAINFO=str(authority))
    finally:
        secure.close()
    assert gits.requests == []


@pytest.mark.slow
def test_an_object_that_unpacks_to_too_much(fetch_source: Fetched, gits: GitServer, repository: Repository) -> None:
    """The object is refused by its announced size, before it is unpacked; the hint has the setting."""
    (repository.folder / "zeros").write_bytes(bytes(64 << 20))
    repository.commit(main_py="x")
    with pytest.raises(LoadError, match=r"an object of 64.0 MiB, more than 1.0 MiB \(`OVENBIRD_SOURCE_LIMIT"):
        fetch_source(f"git+{gits.url}/app/.git", OVENBIRD_SOURCE_LIMIT="1MiB")
