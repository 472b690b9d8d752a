"""Every document that docs/kubernetes.md shows how to make is one that the server takes, strictly."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from tests.engine import ROOT
from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
_TEXT = Path(ROOT, "docs/kubernetes.md").read_text().replace("\\\n", " ")
_LEFT_OUT = {"function.yaml", "--resolve"}  # `manifests` is given the first, and there is no such registry
COMMANDS = [
    [word for word in shlex.split(line.split("|")[0]) if word not in _LEFT_OUT]
    for line in re.findall(r"^\$ ovenbird manifests (.*)$", _TEXT, re.MULTILINE)
]
TASK = """\
kind: python+serve
spec:
  replicas: 2
  volumes:
  - {volume_type: empty_dir, name: shm, mount_path: /dev/shm, spec: {medium: Memory, size_limit: 1Gi}}
  - {volume_type: persistent_volume_claim, name: data, mount_path: /data, spec: {size: 1.5Gi}}
  - {volume_type: ephemeral, name: own, mount_path: /own, spec: {size: 1Gi}}
  resources: {cpu: "0.25", mem: 1024Mi}
"""
SOURCE = "kind: python\nname: greet\nspec:\n  source: {handler: main:f, source: 'git+https://example.com/f.git'}\n"


def test_the_server_accepts_every_document(kube: Kube) -> None:
    """Each command of the page, with its own flags: `kubectl apply --dry-run=server --validate=strict`."""
    kube.kubectl("label", "namespace", kube.namespace, "pod-security.kubernetes.io/enforce-")  # builds need more
    kube.write("params.jsonl", '{"n": 1}\n')
    kube.write("task.yaml", TASK)
    kube.write("function.yaml", SOURCE)
    repository, _, digest = kube.image.partition("@")
    function = {"name": "greet", "target": "function.yaml", "path": "function.yaml"}
    built = {"function": function, "image": repository, "digest": digest, "outputs": ["registry"]}
    kube.write("result.json", json.dumps(built))
    assert len(COMMANDS) >= 7
    kinds = []
    for index, words in enumerate(COMMANDS):
        printed = [word for n, word in enumerate(words) if "--output" not in (word, words[n - 1])]
        documents = [*yaml.safe_load_all(kube.make_manifests(*printed)[0])]
        for document in documents:
            if document["apiVersion"].startswith(("serving.knative.dev", "monitoring.coreos.com")):  # it has neither
                continue
            about = document["metadata"]
            about["name"] = about.get("name") or f"{about.pop('generateName')}{index}"  # which `create` would do
            text = yaml.safe_dump(document)
            kube.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
            kinds.append(document["kind"])
    assert {"Deployment", "Service", "Job", "CronJob", "ConfigMap", "PersistentVolumeClaim"} <= set(kinds)
