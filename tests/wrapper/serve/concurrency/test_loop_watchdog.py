"""An async handler that holds up the event loop is stopped from outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.raw import run_service
from tests.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "faulty/main.py:later", "--timeout", "500ms", "--log-format", "json") as service:
        yield service


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spin", "sleep", "child"])
def test_blocked_loop(service: Service, name: str) -> None:
    """A loop without await, a sleep in C and a task of the handler's own are interrupted: 504; the loop continues."""
    assert service.call({"name": name}).status_code == 504
    assert service.call({"name": "fine"}).text == "fine"
    service.wait_log("has held up the event loop")


@pytest.mark.slow
def test_finally_runs(service: Service) -> None:
    """The handler that is interrupted leaves through its finally-blocks."""
    path = service.log_path.parent / "notes.txt"
    before = path.read_text().count("spin ended") if path.exists() else 0
    assert service.call({"name": "spin"}).status_code == 504
    assert path.read_text().count("spin ended") == before + 1


@pytest.mark.slow
def test_other_calls_meanwhile(service: Service) -> None:
    """Calls that came while the loop was blocked are all answered afterwards."""
    with ThreadPoolExecutor(6) as pool:
        blocked = pool.submit(service.call, {"name": "spin"})
        others = [pool.submit(service.call, {"name": "fine"}) for _ in range(5)]
        assert blocked.result().status_code == 504
        assert {other.result().status_code for other in others} <= {200, 504}
    assert service.call({"name": "fine"}).status_code == 200


@pytest.mark.slow
def test_signals_still_work(service: Service) -> None:
    """After all this the server still ends as it should on SIGTERM."""
    assert service.call({"name": "spin"}).status_code == 504
    assert service.stop() == 0
