"""Functions in the platform's usual forms, unmodified, in the image: natively, and by the rendered module."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pandas
import pytest
from tests.core.fixtures import core, platform
from tests.core.server import Double
from tests.engine import AVAILABLE, Images
from tests.gitserver import GitServer, Repository, gits, repository
from tests.platforms import JOB, SERVICE, begin, lay_out
from tests.podman import Podman
from tests.processors import free_port
from tests.service import wait_until
from tests.stores import moto, s3

from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.project.project import Project
from ovenbird_builder.bases import catalog

__all__ = ["core", "gits", "moto", "platform", "repository", "s3"]
pytestmark = pytest.mark.timeout(900)
WITH_SDK = "3.12"  # all versions are locked; the image of one is built here, since each takes a gigabyte
LINE = ("--config", "/shared/function.yaml")
PLAIN = """
from digitalhub_runtime_python import handler

@handler(outputs=["total", "settings"])
def fn(project, run, context, a, b=2):
    context.logger.info("adding")
    model = project.log_model("scorer", "model", data=b"weights")
    model.log_metrics({"accuracy": 0.5})
    return a + b, {"a": a}
"""

LOOK = """
import json, sys, pathlib
from importlib.metadata import version
import digitalhub, digitalhub_runtime_python

both = (digitalhub, digitalhub_runtime_python)
print(json.dumps({
    "versions": {name: version(name) for name in ("digitalhub", "digitalhub-runtime-python")},
    "path": sys.path,
    "places": sorted({str(pathlib.Path(module.__file__).parents[1]) for module in both}),
}))
"""


class Shared:
    """The folder /shared of one pod, and the flags with which its container starts."""

    def __init__(self, folder: Path, core: Double, platform: dict[str, str]) -> None:
        self.folder, self.core, self.platform = folder, core, platform
        self.source: dict[str, str] = {}

    def start(self, code: str, kind: str, source: dict[str, str], **spec: Any) -> str:
        """Have Core start a run of `code`; the run's id."""
        identity, self.source = begin(self.core, code, kind, source, **spec)
        lay_out(self.folder, self.core, identity, code, kind)
        return identity

    def flags(self, identity: str, mode: str, **more: str) -> tuple[str, ...]:
        """Return the platform's environment, with Core and S3 on this machine."""
        rendered = {"RENDERED_SOURCE": json.dumps(self.source), "PYTHONPATH": "/shared"}
        environ = {**self.platform, **rendered, "RUN_ID": identity, "PROJECT_NAME": "p", "OVENBIRD_PLATFORM_MODE": mode}
        pairs = [word for name, value in {**environ, **more}.items() for word in ("--env", f"{name}={value}")]
        mount = ("--volume", f"{self.folder}:/shared", "--network", "host", "--cap-drop", "all")
        return (*mount, *pairs, "--entrypoint", "/opt/nuclio/processor")


@pytest.fixture
def shared(tmp_path: Path, core: Double, platform: dict[str, str]) -> Shared:
    return Shared(tmp_path, core, platform)


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_job_in_each_version(
    version: str, base_images: Images, podman: Podman, shared: Shared, core: Double, gits: GitServer,
    repository: Repository,
) -> None:  # fmt: skip
    """Named outputs, a model with metrics, and logging through the context, in the image that has no SDK.

    A source in git is fetched by what the image brings, which is all that it takes.
    """
    commit = repository.commit(deep__work_py=PLAIN)
    gits.login = ("oauth2", "ghp_s3cret")
    source = {"base64": "", "source": f"git+{gits.url}/app/.git#main", "handler": "deep.work:fn"}
    identity = shared.start("", "job", source, parameters={"a": 40})
    flags = shared.flags(identity, "native", GIT_TOKEN="ghp_s3cret")
    process = podman.run(base_images[version], *LINE, flags=flags)
    assert process.returncode == 0, process.stderr
    status = core.run("p", identity)["status"]
    assert (status["results"], sorted(status["outputs"])) == ({"total": 42}, ["scorer", "settings"])
    assert status["provenance"]["source"]["revision"] == commit
    assert list(core.entities.metrics.values()) == [{"accuracy": 0.5}]
    assert '"message":"adding"' in process.stderr
    assert core.entities.violations == []
    assert "s3cret" not in process.stderr


@pytest.mark.parametrize("mode", ["native", "rendered"])
def test_a_job_both_ways(
    mode: str, sdk_images: Images, podman: Podman, shared: Shared, core: Double, platform: dict[str, str]
) -> None:
    """An entity in, named outputs and entities out, a model with metrics: both ways leave the same in Core."""
    core.checks_auth = True
    frame = pandas.DataFrame({"name": ["a", "b", "c"], "size": [1, 2, 3]})
    store = DigitalHubStore(platform)
    store.open("p")
    table = Project(store, "p", platform).log_table("all", data=frame)
    store.close()
    identity = shared.start(
        JOB, "job", {"handler": "main:summarise"}, inputs={"table": table.key}, parameters={"limit": 2}
    )
    process = podman.run(sdk_images[WITH_SDK], *LINE, flags=shared.flags(identity, mode), timeout=120)
    assert process.returncode == 0, process.stderr
    assert ("natively" in process.stderr) is False
    assert "read 3 rows" in process.stderr
    run = core.run("p", identity)
    assert run["status"]["results"] == {"count": 3, "title": "cities"}
    assert sorted(run["status"]["outputs"]) == ["cities", "notes", "scorer"]
    (model,) = core.entities.all("p", "model")
    assert core.entities.metrics[model["id"]] == {"accuracy": 0.5}
    for key in run["status"]["outputs"].values():
        output = core.entities.one("p", key.split("/")[3], key.rpartition(":")[2])
        assert output["status"]["state"] == "READY"
        assert {"type": "produced_by", "dest": run["key"]} in output["metadata"]["relationships"]


@pytest.mark.parametrize("mode", ["native", "rendered"])
def test_a_service_both_ways(mode: str, sdk_images: Images, podman: Podman, shared: Shared) -> None:
    """Init gets its parameters, the query is in event.fields, a body of JSON is parsed."""
    identity = shared.start(
        SERVICE, "serve", {"handler": "main:serve", "init_function": "init"}, init_parameters={"greeting": "hello"}
    )
    port, probes = free_port(), free_port()
    ports = {"PORT": str(port), "OVENBIRD_PROBE_PORT": str(probes)}
    name = podman.detached(sdk_images[WITH_SDK], *LINE, flags=shared.flags(identity, mode, **ports))
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: _is_ready(f"http://127.0.0.1:{probes}/ready"), lambda: podman.log(name))
    for request in ({"params": {"name": "Ada"}}, {"json": {"name": "Ada"}}):
        answer = httpx.post(address, trust_env=False, verify=False, timeout=30, **request)
        assert answer.json() == {"text": "hello, Ada!", "project": "p"}, podman.log(name)
    assert "served /" in podman.log(name)


def test_the_sdk_is_in_the_image(sdk_images: Images, podman: Podman) -> None:
    """Both packages import without a network, in the versions of the lock, behind the user's and the runtime's own."""
    process = podman.run(
        sdk_images[WITH_SDK], "-c", LOOK, flags=("--entrypoint=python3", "--network=none", "--read-only")
    )
    assert process.returncode == 0, process.stderr
    facts = json.loads(process.stdout)
    pins = dict(re.findall(r"(?m)^(digitalhub[a-z-]*)==([^ ]+)", catalog.read_runtime_lock(WITH_SDK, catalog.SDK)))
    assert facts["versions"] == {name: pins[name] for name in ("digitalhub", "digitalhub-runtime-python")}
    assert facts["path"][-2:] == ["/opt/ovenbird/site", "/opt/ovenbird/sdk"]
    assert facts["places"] == ["/opt/ovenbird/sdk"]


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False
