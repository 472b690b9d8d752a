"""The form that runs a function in a cluster, on a stand-in for kubectl."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from tests.builder.cluster.conftest import StandIn, make_pod, make_state
from tests.console.browser import Site, open_page, start_browser, start_site
from tests.service import wait_until

pytestmark = pytest.mark.slow
FORM = {"run.target": "greet.py", "run.place": "cluster", "run.image": "registry.example.com/greet:1", "name": "Ada"}
TIMES = {"startedAt": "2026-11-29T11:00:00Z", "finishedAt": "2026-11-29T11:00:41Z"}


@contextmanager
def start_cluster_site(tmp_path: Path) -> Iterator[tuple[Site, StandIn]]:
    """Start the page beside a function, with a kubectl that has a context and a Job that goes on."""
    standin = StandIn(tmp_path)
    standin.put("job", {"metadata": {"name": "greet"}, "spec": {"backoffLimit": 0}, "status": {}})
    standin.put("log", b"2026-11-29T11:00:00.1Z hello from the pod\n")
    (tmp_path / "greet.py").write_text("def handler(name: str, data: str = ''):\n    return name\n")
    (tmp_path / "config").write_text("apiVersion: v1\ncurrent-context: orchard\nkind: Config\n")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with start_site(tmp_path, PATH=path, KUBECONFIG=str(tmp_path / "config")) as site:
        yield site, standin


def put_pod(standin: StandIn, **status: Any) -> None:
    """Let the list and the watch tell of a pod."""
    pod = make_pod(**status)
    standin.put("pods", {"items": [pod]})
    standin.put("changes", (json.dumps({"type": "ADDED", "object": pod}, indent=4) + "\n").encode())


def find_run(client: httpx.Client, task: str) -> str:
    """Return the path of the run that a task has started."""

    def find() -> str:
        name = client.get(task).text.partition('<a href="/runs/default/')[2].partition('"')[0]
        return f"/runs/default/{name}" if name else ""

    return wait_until(find, lambda: client.get(task).text, pause=0.2)


def test_a_run_in_a_cluster(tmp_path: Path) -> None:
    """The Job has what the form says; log, end and results are on the page of the run."""
    message = json.dumps({"state": "COMPLETED", "run": "store://p/run/r:1", "results": {"rows": 3}, "outputs": {}})
    ended = make_state(terminated={"exitCode": 0, "message": message, **TIMES})
    more = {"run.resources.cpu": "500m", "run.secrets": "TOKEN", "run.variables": "MODE=fast", "run.name": "first"}
    with start_cluster_site(tmp_path) as (site, standin), site.client() as client:
        put_pod(standin, phase="Succeeded", containerStatuses=ended)
        task = client.post("/run", data={**FORM, **more}).headers["location"]
        run = find_run(client, task)
        page = wait_until(
            lambda: text if "state-completed" in (text := client.get(run).text) else "",
            lambda: client.get(task).text, pause=0.2,
        )  # fmt: skip
        wait_until(lambda: "state-completed" in client.get(task).text, lambda: client.get(task).text, pause=0.2)
        (job,) = json.loads((standin.folder / "created").read_text())
    assert "hello from the pod" in page
    assert "first" in page
    assert "rows" in page
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == FORM["run.image"]
    assert container["resources"]["limits"]["cpu"] == "500m"
    variables = {item["name"]: item for item in container["env"]}
    assert variables["MODE"]["value"] == "fast"
    assert variables["TOKEN"]["valueFrom"]["secretKeyRef"]["name"].endswith("-secrets")


def test_a_run_in_a_cluster_is_stopped_by_its_task(tmp_path: Path) -> None:
    """Its Job is deleted, and its record says STOPPED; the page of the run says how, and does not pretend to."""
    with start_cluster_site(tmp_path) as (site, standin), site.client() as client:
        put_pod(standin, phase="Running", containerStatuses=make_state(running={"startedAt": TIMES["startedAt"]}))
        task = client.post("/run", data=FORM).headers["location"]
        run = find_run(client, task)
        refused = client.post(f"{run}/stop")
        assert (refused.status_code, "goes on in a cluster" in refused.text) == (503, True), refused.text
        assert client.post(f"{task}/stop").status_code == 303
        wait_until((standin.folder / "deleted").exists, lambda: client.get(task).text, pause=0.2)
        (standin.folder / "job").unlink()
        wait_until(lambda: "state-stopped" in client.get(run).text, lambda: client.get(run).text, pause=0.2)


def test_what_a_cluster_does_not_take(tmp_path: Path) -> None:
    """What is refused is said at its field, and what kubectl says is on the page of the task; nothing is recorded."""
    with start_cluster_site(tmp_path) as (site, standin), site.client() as client:
        refused = client.post("/run", data={**FORM, "run.grid": "name=a,b", "run.reuse": "on"})
        (standin.folder / "refusal").write_text('Error from server (NotFound): namespaces "team-a" not found')
        task = client.post("/run", data=FORM).headers["location"]
        page = wait_until(
            lambda: text if "state-error" in (text := client.get(task).text) else "",
            lambda: client.get(task).text, pause=0.2,
        )  # fmt: skip
        runs = client.get("/runs").text
    assert refused.status_code == 422
    for text in ("The cluster orchard has no sweep.", "The cluster orchard has no reuse."):
        assert text in refused.text
    assert "namespaces &#34;team-a&#34; not found" in page
    assert "/runs/default/" not in runs


def test_the_form_names_the_context(tmp_path: Path) -> None:
    """Chosen in a browser, the cluster has its own options, and no others are seen."""
    with start_cluster_site(tmp_path) as (site, _), start_browser() as browser:
        page = open_page(browser, site, "/run?target=greet.py")
        expect(page.get_by_label("Namespace")).to_be_hidden()
        page.get_by_label("The cluster orchard").check()
        for label in ("Namespace", "Build into", "Image", "CPUs", "Time limit"):
            expect(page.get_by_label(label, exact=True)).to_be_visible()
        expect(page.get_by_label("Volumes")).to_be_hidden()
        expect(page.get_by_label("Reuse the result of an equal run")).to_be_hidden()
        assert page.problems == []  # type: ignore[attr-defined]
