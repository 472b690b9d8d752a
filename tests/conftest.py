"""What all tests share: the folder of user projects, and real servers in processes of their own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import starts
from tests.jobs import Jobs
from tests.kube import has_cluster
from tests.service import Service

# where CI is set logs are text, and tests read JSON; in a step of GitHub a build writes to files of that step
for name in ("CI", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)

pytest_plugins = ["tests.engine", "tests.parallel"]  # what tests with containers share; how processes share tests
FUNCTIONS = Path(__file__).parent / "functions"
# fixtures that need buildah, podman or a disk of its own
_HEAVY = {"container_env", "full"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick`, which `make quick` gives, and `--exec`."""
    parser.addoption("--quick", action="store_true", help="leave out tests marked as `container` or `slow`")
    parser.addoption("--exec", action="store_true", help="start each `ovenbird` by exec; fork none (tests/starts.py)")


def pytest_configure(config: pytest.Config) -> None:
    """Tell `tests/starts.py` how to start processes."""
    starts.by_exec = config.getoption("exec")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Keep the bytecode of test modules where PYTHONDONTWRITEBYTECODE is set too (rewriting their assertions takes half
    of the time), and let the garbage collector pass over what lives as long as the process.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    gc.disable()
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as `container` the tests that use the engine's store, and leave out those of a cluster where there is none;
    with `--quick` also those marked as `container` or `slow`.
    """
    for item in items:
        if " at 0x" in item.name:  # xdist's processes would collect different tests
            raise pytest.UsageError(f"{item.nodeid}: the id of a parameter is an address; give it `ids`")
        if _uses_engine(item):
            item.add_marker("container")
        if _uses_database(item):
            item.add_marker("slow")
    names = set() if has_cluster() else {"cluster"}
    if config.getoption("quick"):
        names |= {"container", "slow"}
    left_out = [item for item in items if any(mark.name in names for mark in item.iter_markers())]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]


def _uses_database(item: pytest.Item) -> bool:
    """Return whether a test starts PostgreSQL, by a fixture or as one of the stores of its parameter."""
    values = getattr(getattr(item, "callspec", None), "params", {}).values()
    is_parameter = any(isinstance(value, str) and value == "postgres" for value in values)
    return is_parameter or "postgres_server" in getattr(item, "fixturenames", ())


def _uses_engine(item: pytest.Item) -> bool:
    return bool(_HEAVY & set(getattr(item, "fixturenames", ())))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start `ovenbird serve` in a process of its own: `serve("greet/main.py:handler", "--queue", "3")`.

    A target is below `tests/functions/`, or source text, written to a file, or empty. All are ended afterwards.
    """
    started: list[Service] = []

    def start(target: str, *flags: str, ready: bool = True, **environ: str) -> Service:
        if "\n" in target:
            (tmp_path / "main.py").write_text(target)
            address = f"{tmp_path / 'main.py'}:handler"
        else:
            address = str(FUNCTIONS / target) if target else ""
        service = Service(address, flags, environ, tmp_path)
        started.append(service)
        if ready:
            service.wait_ready()
        return service

    yield start
    for service in started:
        service.kill()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """Runs of `ovenbird run` in a folder and with a store of their own: `jobs.run(source, "--param", "n=3")`."""
    jobs = Jobs(tmp_path)
    yield jobs
    jobs.close()
