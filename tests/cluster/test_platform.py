"""A pod as the platform starts it: its script is the first process, and runs the processor as a child."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from tests.engine import Images, skopeo
from tests.kube import Kube
from tests.processors import ENTRYPOINT, FUNCTIONS, document, job

from .conftest import ONE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
LIMIT = 20  # seconds until Kubernetes stops the pod


def test_a_stopped_job_has_the_status_of_the_processor(
    kube: Kube, base_images: Images, insecure: Callable[[str], str]
) -> None:
    """SIGTERM goes to bash, which is process 1; the processor gets it, and the status of the pod is its own."""
    kube.kubectl("label", "namespace", kube.namespace, "pod-security.kubernetes.io/enforce-")
    image = f"{insecure(os.environ['TEST_REGISTRY'])}/tests/base:{ONE}"
    skopeo("copy", "--quiet", f"docker://{base_images[ONE]}", f"docker://{image}")
    files = {path.name: path.read_text() for path in (FUNCTIONS / "rendered").glob("*.py")}
    files["function.yaml"] = json.dumps(document(job({"handler": "nap", "spec": {"parameters": {}}})))
    files |= {"entrypoint.sh": ENTRYPOINT, "requirements.txt": ""}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": files}
    words = ["/bin/bash", "/shared/entrypoint.sh", "--processor", "/opt/nuclio/processor"]
    words += ["--config", "/shared/function.yaml", "--requirements", "/shared/requirements.txt"]
    container = {
        "name": "function", "image": image, "imagePullPolicy": "Always", "command": words,
        "env": [{"name": "PYTHONPATH", "value": "/shared"}],
        "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
    }  # fmt: skip
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "run"},
        "spec": {"restartPolicy": "Never", "activeDeadlineSeconds": LIMIT, "containers": [container],
                 "volumes": [{"name": "shared", "configMap": {"name": "shared"}}]},
    }  # fmt: skip
    for item in (config, pod):
        kube.kubectl("apply", "--validate=strict", "-f", "-", text=json.dumps(item))
    kube.wait_until(lambda: "asleep" in kube.kubectl("logs", "run", check=False))
    kube.wait_until(lambda: kube.get("pod", "run")["status"]["phase"] == "Failed")
    assert "stopped by SIGTERM" in kube.kubectl("logs", "run")
    (status,) = kube.get("pod", "run")["status"]["containerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 143
