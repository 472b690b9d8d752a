"""The page's form that runs a function in a cluster, on a real node."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.console.browser import start_site
from tests.console.pages.test_cluster_runs import find_run
from tests.kube import Kube
from tests.processors import FUNCTIONS
from tests.service import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_a_run_from_the_form(kube: Kube, tmp_path: Path) -> None:
    """Its log and its results are on the page of the run; one that is stopped leaves no Job."""
    kube.write("main.py", (FUNCTIONS / "cluster" / "main.py").read_text())
    form = {"run.target": "function.yaml", "run.place": "cluster", "run.image": kube.image}
    form |= {"run.namespace": kube.namespace, "run.resources.cpu": "100m"}
    with start_site(kube.folder) as site, site.client() as client:

        def start(**fields: str) -> tuple[str, str]:
            answer = client.post("/run", data={**form, **fields})
            assert answer.status_code == 303, answer.text
            return answer.headers["location"], find_run(client, answer.headers["location"])

        def wait_for(state: str, path: str) -> str:
            page = lambda: client.get(path).text  # noqa: E731
            return str(wait_until(lambda: text if f"state-{state}" in (text := page()) else "", page, pause=0.5))

        _, run = start(do="count", n="3")
        page = wait_for("completed", run)
        assert "line 2" in page
        assert "output_0" in page
        task, run = start(seconds="600")
        assert client.post(f"{task}/stop").status_code == 303
        wait_for("stopped", run)
        wait_until(lambda: len(kube.get("jobs")["items"]) <= 1, lambda: str(kube.get("jobs")), pause=0.5)
