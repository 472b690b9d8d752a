"""An image of `ovenbird build` in the platform's pod, whose script runs pip for the function's requirements first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.builds import Builds
from tests.container.conftest import ONE
from tests.container.test_processor import ADD, LINE, shared
from tests.engine import Images
from tests.podman import Podman
from tests.processors import job

__all__ = ["shared"]
pytestmark = pytest.mark.timeout(600)
Shared = Callable[..., tuple[str, ...]]
NAP = job({"handler": "nap", "spec": {"parameters": {}}})


class Index:
    """An empty package index that records the requested paths."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                self.send_error(404)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.flags = ("--network", "host", "--env", f"PIP_INDEX_URL=http://127.0.0.1:{self.server.server_port}/simple/")


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    thread = threading.Thread(target=index.server.serve_forever, daemon=True)
    thread.start()
    yield index
    index.server.shutdown()
    index.server.server_close()
    thread.join(10)


@pytest.fixture(scope="module")
def image(base_images: Images, tmp_path_factory: pytest.TempPathFactory, build_cache: Path) -> str:
    """An image of a function that requires six."""
    builds = Builds(tmp_path_factory.mktemp("pod"), cache=build_cache)
    builds.write(main__py="import six\n\ndef handler(): return six.__version__\n", requirements__txt="six==1.16.0\n")
    tag = "localhost/pod-requirements:1"
    builds.ok("main.py:handler", "--base", base_images[ONE], "--tag", tag)
    return tag


@pytest.mark.parametrize(
    "requirements",
    ["six==1.16.0\n", "six\nsix>=1.10; python_version > '3'\n", "Six == 1.16.0  # as locked\n"],
    ids=["pinned", "open", "spelled otherwise"],
)
def test_an_installed_requirement_needs_no_index(
    image: str, podman: Podman, shared: Shared, index: Index, requirements: str
) -> None:
    """pip finds the requirement in the image, and looks for no newer pip."""
    process = podman.run(image, *LINE, flags=(*shared(ADD, requirements, network=True), *index.flags))
    assert process.returncode == 0, process.stderr
    assert '"result":5' in process.stderr
    assert index.paths == []


def test_another_version_is_fetched_from_the_index(image: str, podman: Podman, shared: Shared, index: Index) -> None:
    """A requirement that the image does not meet is downloaded; if that fails, the pod ends."""
    process = podman.run(image, *LINE, flags=(*shared(ADD, "six==1.17.0\n", network=True), *index.flags))
    assert process.returncode == 1, process.stderr
    assert index.paths[0] == "/simple/six/"


def test_signals_reach_the_processor(image: str, podman: Podman, shared: Shared, tmp_path: Path) -> None:
    """A built image has what its base has for a bash that is process 1: a stopped job writes what stopped it."""
    container = podman.start(image, *LINE, flags=shared(NAP, network=True))
    container.wait_log("asleep")
    container.kill("TERM")
    assert container.wait() == 143, container.log
    assert "stopped by SIGTERM" in container.log
