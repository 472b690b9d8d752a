"""A real git server for tests: `git http-backend` behind a small HTTP server, and repositories to serve."""

from __future__ import annotations

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import send_reply

_IDENTITY = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip


def git(folder: Path, *words: str, stdin: str = "") -> str:
    """Run git in a folder, with a fixed identity and time."""
    folder.mkdir(parents=True, exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _IDENTITY
    process = subprocess.run(
        ["git", *words], cwd=folder, env=environ, input=stdin, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


class Repository:
    """A repository with a working tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git(folder, "init", "-q", "-b", "main")

    def commit(self, **files: str) -> str:
        """Write files (`main_py="..."` is main.py, `a__b_py` is a/b.py) and commit all; the full commit."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "x")
        return git(self.folder, "rev-parse", "HEAD")

    def submodule(self, path: str, url: str, commit: str, text: str = "") -> str:
        """Commit a submodule exactly as written; return the full commit."""
        text = text or f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n'
        (self.folder / ".gitmodules").write_text(text)
        git(self.folder, "add", ".gitmodules")
        git(self.folder, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        git(self.folder, "commit", "-q", "-m", "submodule")
        return git(self.folder, "rev-parse", "HEAD")


class GitServer:
    """Serve every repository below `root` over HTTP; with `login` (user, password), to those who know it only."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.login: tuple[str, str] | None = None
        self.requests: list[tuple[str, str]] = []  # path, Authorization
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                outer.answer(self)

            do_POST = do_GET

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Hand a request to git http-backend, as CGI."""
        login = request.headers.get("Authorization", "")
        self.requests.append((request.path, login))
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if self.login and login != "Basic " + base64.b64encode(":".join(self.login).encode()).decode():
            send_reply(request, b"", 401, WWW_Authenticate='Basic realm="git"')
            return
        path, _, query = request.path.partition("?")
        environ = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), "GIT_CONFIG_NOSYSTEM": "1",
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""), "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        process = subprocess.run(["git", "http-backend"], input=body, env=environ, capture_output=True, check=False)
        head, _, content = process.stdout.partition(b"\r\n\r\n")
        headers = [line.partition(": ") for line in head.decode().splitlines()]
        status = next((value for name, _, value in headers if name == "Status"), "200 OK")
        request.send_response(int(status.split()[0]))
        for name, _, value in headers:
            if name != "Status":
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)

    def count(self) -> list[int]:
        """Count the bytes of each write of the server from now on."""
        sizes: list[int] = []
        answer = self.answer

        def counted(request: http.server.BaseHTTPRequestHandler) -> None:
            write = request.wfile.write
            request.wfile.write = lambda data: sizes.append(len(data)) or write(data)
            answer(request)

        self.answer = counted
        return sizes

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def gits(tmp_path: Path) -> Iterator[GitServer]:
    """A git server of the folder `repos`."""
    server = GitServer(tmp_path / "repos")
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The repository `repos/app`."""
    return Repository(tmp_path / "repos" / "app")
