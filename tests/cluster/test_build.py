"""A build in the cluster: the builder's image as a Job, and what it has built as another."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import yaml
from tests.engine import Images, skopeo
from tests.kube import Kube

from .conftest import ONE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1500)]


def test_an_image_is_built_and_run(
    kube: Kube, base_images: Images, builder_images: Images, insecure: Callable[[str], str]
) -> None:
    """Without root and with a read-only root the Job builds on a base of ours, runs an instruction and pushes; another
    Job runs that image.
    """
    kube.kubectl("label", "namespace", kube.namespace, "pod-security.kubernetes.io/enforce-")  # it makes a namespace
    registry = os.environ["TEST_REGISTRY"]
    within = os.environ.get("TEST_REGISTRY_IN_POD") or registry
    insecure(registry)
    skopeo("copy", "--quiet", f"docker://{base_images[ONE]}", f"docker://{registry}/tests/base:{ONE}")
    skopeo("copy", "--quiet", f"docker://{builder_images[ONE]}", f"docker://{registry}/tests/builder:1")
    function = {
        "kind": "python", "name": "greet",
        "spec": {
            "python_version": ONE, "base_image": f"{within}/tests/base:{ONE}",
            "source": {"handler": "main:handler", "code": "def handler():\n    return open('/made').read()\n"},
        },
    }  # fmt: skip
    kube.write("function.yaml", yaml.safe_dump(function))
    config = f'[[registry]]\nlocation = "{within}"\ninsecure = true\n'
    kube.kubectl("create", "configmap", "registries", f"--from-literal=registries.conf={config}")
    pod = "Job.spec.template.spec"
    mount = '{"name": "registries", "mountPath": "/etc/containers/registries.conf", "subPath": "registries.conf"}'
    manifests, _ = kube.make_manifests(
        "--image", f"{registry}/tests/builder:1", "--tag", f"{within}/tests/built:1",
        "--instruction", "echo by $(id -u) > /made",
        "--set", f'{pod}.volumes[4]={{"name": "registries", "configMap": {{"name": "registries"}}}}',
        "--set", f"{pod}.containers[0].volumeMounts[4]={mount}",
    )  # fmt: skip
    kube.kubectl("apply", "--validate=strict", "-f", "-", text=manifests)
    end = kube.wait_finished("greet-build")
    assert end == "Complete", kube.kubectl("logs", "job/greet-build")
    kube.apply("--action", "job", "--image", f"{registry}/tests/built:1")
    assert kube.wait_finished("greet") == "Complete"
    assert "by 0" in kube.kubectl("logs", "job/greet")
