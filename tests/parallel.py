"""A plugin of pytest: how several processes share the tests, and what ends a process that hangs."""

from __future__ import annotations

import faulthandler
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_LONGEST_END = 60  # seconds that a process has to end once its tests have run
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep stderr as it is before output is captured."""
    config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Print the stacks and end the process where a test goes on for a quarter more than its limit: pytest-timeout
    interrupts it once, and the code under test may catch that. The test then counts as failed, and another process runs
    what is left.
    """
    mark = item.get_closest_marker("timeout")
    limit = float(mark.args[0] if mark else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(1.25 * limit, exit=True, file=item.config.stash[_STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End a process that has run its tests, whatever its threads wait for."""
    if _is_one_of_several(config):
        faulthandler.dump_traceback_later(_LONGEST_END, exit=True, file=config.stash[_STDERR])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let several processes begin with the longest files: one that came last would leave the others idle."""
    if not _is_one_of_several(config):
        return
    seconds: Counter[Path] = Counter()
    for item in items:
        seconds[item.path] += _estimate(item)
    # all tests of the cluster are one process's, and mostly wait: they begin first
    items.sort(key=lambda item: (item.path.parent.name != "cluster", -seconds[item.path], item.path))


def _is_one_of_several(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")  # of pytest-xdist


def _estimate(item: pytest.Item) -> float:
    """Guess from its marks how many seconds a test takes."""
    limit = item.get_closest_marker("timeout")
    if limit and item.get_closest_marker("slow"):
        return float(limit.args[0]) / 10
    seconds = {"cluster": 30.0, "container": 6.0, "slow": 2.0}
    return next((seconds[mark] for mark in seconds if item.get_closest_marker(mark)), 0.05)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist; not by its marks, which pytest 9.2 has no room for
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a process all tests of a file, and one all that use the cluster, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "cluster" if nodeid.startswith("tests/cluster/") else nodeid.partition("::")[0]

        def remove_node(self, node: Any) -> str | None:
            """Let the others run what is left of a process that has ended, but for the test that it ended in.

            xdist 3.8 gives them that test too, in which they end in their turn, and files of which nothing is left, on
            which they wait for ever.
            """
            units = self.assigned_work.pop(node)
            left = [(scope, test) for scope, unit in units.items() for test, is_done in unit.items() if not is_done]
            for scope, test in left[1:]:
                self.workqueue.setdefault(scope, {})[test] = False
            for other in self.nodes:
                self._reschedule(other)
            return left[0][1] if left else None

        def _reschedule(self, node: Any) -> None:
            """Give a process more than a last test, which it keeps until it is given another or there is none."""
            before = -1
            while before != len(self.workqueue):
                before = len(self.workqueue)
                super()._reschedule(node)

    config.option.loadscopereorder = False
    return Scheduling(config, log)
