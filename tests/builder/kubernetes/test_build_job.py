"""A build in the cluster: the builder's own image, without root, with the function document and the credentials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import DOCUMENT, Manifests
from .test_job import decide


def test_the_job(make: Callable[..., Manifests]) -> None:
    """`ovenbird build` of the document in a ConfigMap, pushed with the credentials of a Secret."""
    manifests = make("--tag", "r.example/team/greet:1", "--registry-secret", "push", "--instruction", "echo $(id)")
    assert manifests.kinds == ["ConfigMap", "Job"]
    assert manifests["ConfigMap"]["data"] == {"function.yaml": DOCUMENT}
    assert manifests["Job"]["metadata"]["name"] == "greet-build"
    assert manifests.container["args"] == [
        "build", "/etc/ovenbird/function/function.yaml", "--tag", "r.example/team/greet:1", "--push",
        "--instruction", "echo $$(id)",
    ]  # fmt: skip
    assert manifests.env["REGISTRY_AUTH_FILE"] == "/etc/ovenbird/registry/config.json"
    (registry,) = [volume["secret"] for volume in manifests.pod["volumes"] if volume["name"] == "registry"]
    assert registry == {"secretName": "push", "items": [{"key": ".dockerconfigjson", "path": "config.json"}]}
    assert "OVENBIRD_HOME" not in manifests.env


def test_rights(make: Callable[..., Manifests]) -> None:
    """Not root; what a user namespace needs, and no more."""
    manifests = make("--tag", "r.example/greet:1")
    assert manifests.pod["securityContext"]["runAsUser"] == 1000
    assert manifests.pod["securityContext"]["runAsNonRoot"] is True
    assert manifests.container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SETUID", "SETGID"]}
    assert manifests.container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "privileged" not in manifests.container["securityContext"]


def test_which_failures_are_retried(make: Callable[..., Manifests]) -> None:
    """Faults of request, source and lock are permanent; a server that does not answer may answer later."""
    policy = make("--tag", "r.example/greet:1")["Job"]["spec"]["podFailurePolicy"]
    assert {decide(policy, code) for code in (20, 30, 31, 41, 44)} == {"FailJob"}
    assert {decide(policy, code) for code in (34, 46, 52, 63, 137)} == {"Count"}


def test_unbuildable_requests_are_refused(refused: Callable[..., str], folder: Path) -> None:
    """No name for the image, no builder, or a source that the cluster cannot read."""
    assert "`--action build` needs `--tag`" in refused("--action", "build")
    assert "`--image` is missing" in refused("--tag", "r.example/greet:1", image="")
    assert "--tag: 'A:B' is not the name of an image" in refused("--tag", "A:B")
    assert "`--tag` does not go with `--action job`" in refused("--action", "job", "--tag", "a:1")
    (folder / "main.py").write_text("")
    (folder / "function.yaml").write_text(DOCUMENT.replace("git+https://example.com/greet.git#main", "main.py"))
    assert "'main.py' is a file of this machine" in refused("--tag", "r.example/greet:1")
