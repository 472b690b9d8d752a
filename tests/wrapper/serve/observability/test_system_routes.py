"""The runtime's own routes below `/_/`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.raw import run_service
from tests.service import Service, wait_until


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "tell/probed.py:Probed", "--log-format", "json") as service:
        yield service


def test_routes(probed: Service) -> None:
    """live, ready, metrics and openapi.json are there, and do not count as calls."""
    assert probed.get("/_/live").json() == {"status": "live"}
    assert probed.get("/_/ready").json()["status"] == "ready"
    assert probed.get("/_/openapi.json").json()["openapi"].startswith("3.1")
    assert "ovenbird_calls_total{" not in probed.get("/_/metrics").text


def test_a_ready_worker_tells_the_phases_of_its_start(probed: Service) -> None:
    """In seconds, each of which is at least as long as a process takes for it."""
    phases = probed.get("/_/ready").json()["phases"]
    assert list(phases) == ["start", "import", "init", "listen"]
    assert all(0 < phases[name] < 60 for name in ("start", "import", "listen"))
    assert phases["init"] >= 0


@pytest.mark.parametrize("path", ["/_/nothing", "/_/live/", "/_/page/", "/_/page/nothing"])
def test_reserved_prefix(probed: Service, path: str) -> None:
    """Anything else below the prefix is a 404 of the runtime's, never a call."""
    answer = probed.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/", "/_", "/_x/live", "/live", "/a/_/live", "/%2e/x"])
def test_all_other_paths(probed: Service, path: str) -> None:
    """Every other path is the handler's."""
    assert probed.post(path, json={"say": "fine"}).json() == {"said": "fine"}


@pytest.mark.slow
@pytest.mark.parametrize(("say", "reason"), [
    ("no", "alive() said no"), ("raise", "alive() failed"), ("hang", "alive() took over 1 seconds"),
])  # fmt: skip
def test_own_probe(probed: Service, say: str, reason: str) -> None:
    """The handler's `alive` is called: false, an error and a timeout are a 503 without details for the client."""
    probed.call({"say": say})
    answer = probed.get("/_/live")
    assert (answer.status_code, answer.json()) == (503, {"status": "dead", "reason": reason})
    assert "secret" not in answer.text
    assert probed.get("/_/ready").status_code == 200
    probed.call({"say": "fine"})
    assert probed.get("/_/live").status_code == 200


BROKEN = """
class Undocumented(type):
    @property
    def __doc__(cls):
        raise RuntimeError("secret-doc")
class Broken(metaclass=Undocumented):
    def __call__(self, context):
        return 1
    def ready(self):
        raise SystemExit("secret-ready")
"""


def test_failure_of_a_route_is_logged(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A 500 of the runtime has no details, the log has the reason under its id, and the service continues."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "main.py").write_text(BROKEN)
    with run_service(tmp_path_factory, f"{folder / 'main.py'}:Broken", "--log-format", "json", wait=False) as service:
        service.wait_open()
        wait_until(lambda: service.get("/").status_code == 200, lambda: service.log)
        answer = service.get("/_/openapi.json")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "secret" not in answer.text
        service.wait_log(answer.json()["error_id"])
        (record,) = [row for row in service.records if row.get("error_id") == answer.json()["error_id"]]
        assert (record["level"], "/_/openapi.json" in record["message"]) == ("error", True)
        assert "secret-doc" in record["traceback"]
        for _ in range(2):  # what a probe raises does not end the process either
            assert service.get("/_/ready").json()["reason"] == "ready() failed"
        assert service.get("/").json() == 1
