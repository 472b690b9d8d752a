"""Fetch a source in an environment of its own; after a failure, nothing may be left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.authority import make_tls_context
from tests.disks import disk
from tests.gitserver import gits, repository
from tests.stores import Server, moto, s3, server

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.sources import SourceTree, fetch

__all__ = ["gits", "moto", "repository", "s3", "server"]

Fetch = Callable[..., SourceTree]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The user's home, empty."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def fetch_tree(tmp_path: Path, home: Path) -> Fetch:
    """`fetched("https://...", handler="fn", GIT_TOKEN="...")`: the Tree, in a fresh folder."""
    outs = tmp_path / "outs"

    def run(
        source: str = "", *, handler: str = "fn", code: str | None = None, root: Path | None = None,
        network: NetworkSettings | None = None, timeout: float = 60.0, into: Path | None = None,
        products: tuple[Path, ...] = (), include: tuple[str, ...] = (), exclude: tuple[str, ...] = (),
        offline: bool = False, **environ: str,
    ) -> SourceTree:  # fmt: skip
        function = FunctionSpec(
            root or tmp_path, "f", handler, source=source, code=code, include=include, exclude=exclude
        )
        target = into or outs / str(len(list(outs.iterdir())) if outs.is_dir() else 0)
        target.parent.mkdir(exist_ok=True)
        before = set(target.parent.iterdir())
        base = {"PATH": os.environ["PATH"], "HOME": str(home)}
        try:
            tree = fetch(
                function, target, environ=base | environ, network=network or NetworkSettings(), timeout=timeout,
                products=products, offline=offline,
            )  # fmt: skip
        except BaseException:
            assert set(target.parent.iterdir()) == before, "something is left"
            raise
        assert set(target.parent.iterdir()) == {*before, target}
        return tree

    return run


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server over TLS, and the certificate of its authority."""
    context, authority = make_tls_context(tmp_path)
    server = Server()
    inner: Any = server._server
    inner.socket = context.wrap_socket(inner.socket, server_side=True)
    server.url = server.url.replace("http:", "https:")
    yield server, authority
    server.close()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    with disk(tmp_path / "full", "1m") as path:
        yield path


def read_tree(tree: SourceTree) -> dict[str, Any]:
    """Return every file of a tree -> its content; a link -> a tuple of its target."""
    contents: dict[str, Any] = {}
    for path in sorted(tree.path.rglob("*")):
        name = str(path.relative_to(tree.path))
        if path.is_symlink():
            contents[name] = (str(path.readlink()),)
        elif path.is_file():
            contents[name] = path.read_text()
    return contents
