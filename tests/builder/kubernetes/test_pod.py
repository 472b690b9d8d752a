"""Every pod has minimal rights, the environment of the runtime, and the volumes of the task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import DIGEST, IMAGE, Manifests

ACTIONS = [("--action", "serve"), ("--action", "job"), ("--schedule", "@daily")]


@pytest.mark.parametrize("words", ACTIONS)
def test_the_least_of_rights(make: Callable[..., Manifests], words: tuple[str, ...]) -> None:
    """The pod meets the profile `restricted` of Kubernetes' pod security standards, and writes to no file system."""
    manifests = make(*words)
    assert manifests.pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 8877, "runAsGroup": 999, "fsGroup": 999,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert manifests.container["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
    }  # fmt: skip
    assert manifests.pod["automountServiceAccountToken"] is False
    assert manifests.pod["enableServiceLinks"] is False
    assert manifests.pod["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert manifests.container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert (manifests.env["HOME"], manifests.env["OVENBIRD_HOME"]) == ("/tmp", "/tmp/ovenbird")


def test_a_root_that_can_be_written(make: Callable[..., Manifests]) -> None:
    """For a function that writes into its source folder."""
    manifests = make("--action", "job", "--writable-root")
    assert manifests.container["securityContext"]["readOnlyRootFilesystem"] is False


def test_the_image(make: Callable[..., Manifests]) -> None:
    """By digest it is pulled once, and the runs know it; by tag each time, with a warning."""
    manifests = make("--action", "job")
    assert manifests.container["image"] == IMAGE
    assert manifests.container["imagePullPolicy"] == "IfNotPresent"
    assert manifests.container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert manifests.env["OVENBIRD_IMAGE_DIGEST"] == DIGEST
    assert "is a tag" not in manifests.notes
    manifests = make("--action", "job", image="greet:1")
    assert manifests.container["imagePullPolicy"] == "Always"
    assert "OVENBIRD_IMAGE_DIGEST" not in manifests.env
    assert "note: greet:1 is a tag, which may mean another image tomorrow" in manifests.notes


def test_requests_equal_limits(make: Callable[..., Manifests]) -> None:
    """Requests equal limits; disk limits /tmp too; 0 GPUs give no request."""
    manifests = make("--action", "job", "--cpu", "500m", "--mem", "1Gi", "--gpu", "2", "--disk", "10Gi")
    amounts = {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": "2", "ephemeral-storage": "10Gi"}
    assert manifests.container["resources"] == {"requests": amounts, "limits": amounts}
    assert manifests.pod["volumes"][0] == {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}}
    assert "nvidia.com/gpu" not in str(make("--action", "job", "--gpu", "0").container["resources"])


def test_default_requests_have_no_limit(make: Callable[..., Manifests]) -> None:
    """A pod without requests is evicted first; the note has the assumed values and the flags."""
    manifests = make("--action", "serve")
    assert manifests.container["resources"] == {"requests": {"cpu": "100m", "memory": "256Mi"}}
    assert "asks for 100m of cpu and 256Mi of memory, without a limit" in manifests.notes
    assert "`--cpu` and `--mem`" in manifests.notes
    manifests = make("--action", "job", "--mem", "1Gi")
    assert manifests.container["resources"] == {
        "requests": {"cpu": "100m", "memory": "1Gi"},
        "limits": {"memory": "1Gi"},
    }
    assert "asks for 100m of cpu, without a limit" in manifests.notes
    assert make("--tag", "r.example/f:1").container["resources"] == {"requests": {"cpu": "500m", "memory": "1Gi"}}
    assert "asks for" not in make("--action", "job", "--mem", "1Gi", "--cpu", "1").notes


def test_secrets_come_first_and_by_reference(make: Callable[..., Manifests]) -> None:
    """Then `$(NAME)` in a variable can refer to them; the default Secret is the function's own."""
    manifests = make(
        "--action", "job", "--secret", "A", "--secret", "B=vault", "--secret", "C=vault/c.d", "--env", "U=x:$(A)"
    )
    assert manifests.container["env"][:3] == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "greet-secrets", "key": "A"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "B"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "c.d"}}},
    ]
    assert manifests.env["U"] == "x:$(A)"
    assert "the Secret 'greet-secrets' has to hold the keys A" in manifests.notes
    assert make("--action", "job", "--secret", "A", "--secret-name", "own").env["A"]["secretKeyRef"]["name"] == "own"


def test_a_secret_in_the_open_is_reported(make: Callable[..., Manifests]) -> None:
    """By the name of the variable; its value is not repeated."""
    notes = make("--action", "job", "--env", "DB_PASSWORD=hunter2").notes
    assert "DB_PASSWORD looks like a secret" in notes
    assert "hunter2" not in notes


URL = "https://u:Pass12@h.example/a"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--input", f"a={URL}"), "the input 'a' is a URL with a password, and whoever reads the Job reads it"),
        (("--input", "a=https://u:Pa/ss12@h.example/a"), "the input 'a' is a URL with a password"),
        (("--param", f'p={{"x": ["{URL}"]}}'), "the parameter 'p' holds a URL with a password"),
        (("--param", "p=postgresql://u:Pa'ss12@h.example/a"), "the parameter 'p' holds a URL with a password"),
        (("--init", f"p={URL}"), "the parameter of init 'p' holds"),
        (("--env", f"DATABASE={URL}"), "the variable 'DATABASE' holds a URL with a password"),
        (("--action", "serve", "--param", f"p={URL}"), "whoever reads the Deployment reads it"),
        (("--schedule", "@daily", "--input", f"a={URL}"), "the input 'a' is a URL with a password"),
    ],
    ids=["input", "slash", "param", "quote", "init", "env", "serve", "schedule"],
)
def test_urls_with_a_password_are_refused(refused: Callable[..., str], words: tuple[str, ...], part: str) -> None:
    """With the name of what holds it, and never the password."""
    message = refused(*(() if "serve" in words else ("--action", "job")), *words)
    assert part in message
    assert "ss12" not in message
    assert "--secret" in message


def test_a_line_with_a_password_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    """With its number among the lines that count."""
    (tmp_path / "lines.jsonl").write_text(f'{{"u": 1}}\n{{"u": "{URL}"}}\n')
    message = refused("--each", str(tmp_path / "lines.jsonl"))
    assert "line 2 of `--each`: the parameter 'u' holds a URL with a password" in message


def test_what_only_looks_like_a_password(make: Callable[..., Manifests]) -> None:
    """A variable of a Secret that Kubernetes fills in, users without a password, an `@` in a path."""
    url = "postgresql://u:$(PW)@h.example/db"
    manifests = make(
        "--action", "job", "--secret", "PW=db/pw", "--env", f"DB={url}", "--input", "a=ssh://git@h.example/r",
        "--param", "b=https://h.example:8080/@scope/a", "--param", "c=abfs://box@h.example/a",
        "--param", "d=see https://h.example:80 or ask ada@h.example",
    )  # fmt: skip
    assert manifests.env["DB"] == url


def test_parameters_are_not_expanded(make: Callable[..., Manifests]) -> None:
    """Kubernetes expands `$(X)` and `$$` in a value: it is escaped, so that the function gets the task's text."""
    env = make("--action", "job", "--param", "a=$(HOME) $$", "--input", "b=s3://x/$(y)").env
    assert json.loads(env["OVENBIRD_PARAM"].replace("$$", "$")) == {"a": "$(HOME) $$"}
    assert env["OVENBIRD_PARAM"] == '{"a": "$$(HOME) $$$$"}'
    assert env["OVENBIRD_INPUT"] == '{"b": "s3://x/$$(y)"}'


def test_for_a_service_both_kinds_of_parameters_reach_init(make: Callable[..., Manifests]) -> None:
    """As on the platform; init_parameters win."""
    task = {"parameters": {"a": 1, "b": 1}, "init_parameters": {"b": 2}}
    env = make("--action", "serve", task=task).env
    assert json.loads(env["OVENBIRD_INIT_PARAMETERS"]) == {"a": 1, "b": 2}
    assert "OVENBIRD_PARAM" not in env


def test_parameters_twice(refused: Callable[..., str]) -> None:
    """A variable and the field it is made of cannot both be meant."""
    message = refused("--action", "job", "--param", "a=1", "--env", "OVENBIRD_PARAM={}")
    assert "`OVENBIRD_PARAM` is made from the task's parameters" in message


def test_volumes(make: Callable[..., Manifests]) -> None:
    """Each kind as Kubernetes calls it; a claim with a size is made, one without has to be there."""
    manifests = make(
        "--action", "job", "--volume", "pvc:data:/data:5Gi", "--volume", "pvc:old:/old", "--volume",
        "empty_dir:s:/s:1Gi",
        "--volume", "ephemeral:e:/e:2Gi",
    )  # fmt: skip
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    assert manifests.pod["volumes"][1:] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "greet-data"}},
        {"name": "old", "persistentVolumeClaim": {"claimName": "old"}},
        {"name": "s", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}},
    ]
    assert manifests.kinds == ["PersistentVolumeClaim", "Job"]
    assert manifests["PersistentVolumeClaim"]["metadata"]["name"] == "greet-data"
    assert manifests["PersistentVolumeClaim"]["spec"]["resources"] == {"requests": {"storage": "5Gi"}}


def test_a_volume_of_the_users_own_for_tmp(make: Callable[..., Manifests]) -> None:
    """Then the manifest adds none."""
    manifests = make("--action", "job", "--volume", "empty_dir:t:/tmp:1Gi")
    assert [mount["mountPath"] for mount in manifests.container["volumeMounts"]] == ["/tmp"]


def test_a_setting_that_the_runtime_would_refuse(refused: Callable[..., str]) -> None:
    """It is refused before a pod starts with it."""
    message = refused("--action", "serve", "--env", "OVENBIRD_GRACE=soon")
    assert "envs: OVENBIRD_GRACE: expected a duration" in message


def test_labels(make: Callable[..., Manifests]) -> None:
    """All objects carry those that Kubernetes recommends; a job's pods are not a service's."""
    manifests = make("--action", "serve", "--max-unavailable", "1", "--name", "blue", "--namespace", "team")
    for document in manifests:
        assert document["metadata"]["namespace"] == "team"
        assert document["metadata"]["labels"] == {
            "app.kubernetes.io/name": "greet", "app.kubernetes.io/instance": "blue",
            "app.kubernetes.io/component": "service", "app.kubernetes.io/version": "1.2",
            "app.kubernetes.io/part-of": "demo", "app.kubernetes.io/managed-by": "ovenbird",
        }  # fmt: skip
    chosen = manifests["Service"]["spec"]["selector"]
    assert chosen == manifests["Deployment"]["spec"]["selector"]["matchLabels"]
    job = make("--action", "job", "--name", "blue")["Job"]["spec"]["template"]["metadata"]["labels"]
    assert not chosen.items() <= job.items()
    assert chosen.items() <= manifests["Deployment"]["spec"]["template"]["metadata"]["labels"].items()


def test_account_and_pull_secret_of_the_pod(make: Callable[..., Manifests]) -> None:
    """The account and the pull Secret, if set."""
    manifests = make("--action", "job", "--service-account", "runner", "--pull-secret", "pull")
    assert manifests.pod["serviceAccountName"] == "runner"
    assert manifests.pod["imagePullSecrets"] == [{"name": "pull"}]


def test_names_that_go_with_the_function(make: Callable[..., Manifests]) -> None:
    """A claim that is made carries the name of its objects; a Secret that is there that of the document."""
    words = ("--volume", "pvc:data:/data:1.5Gi", "--secret", "TOKEN")
    manifests = make("--action", "job", *words, "--name", "other")
    claim = manifests["PersistentVolumeClaim"]
    assert claim["metadata"]["name"] == "other-data"
    assert claim["spec"]["resources"]["requests"]["storage"] == "1536Mi"
    assert manifests.pod["volumes"][1]["persistentVolumeClaim"]["claimName"] == "other-data"
    assert manifests.env["TOKEN"]["secretKeyRef"]["name"] == "greet-secrets"
    build = make("--tag", "r.example/x:1", *words)
    assert build.env["TOKEN"]["secretKeyRef"]["name"] == "greet-secrets"
    named = {"name": "d", "volume_type": "persistent_volume_claim", "mount_path": "/d"}
    task = {"volumes": [{**named, "spec": {"claim_name": "shared", "size": "1Gi"}}]}
    assert make("--action", "job", task=task)["PersistentVolumeClaim"]["metadata"]["name"] == "shared"


@pytest.mark.parametrize("action", ["job", "serve"])
def test_amounts_as_the_server_stores_them(make: Callable[..., Manifests], action: str) -> None:
    """`kubectl apply` again then finds no difference."""
    manifests = make("--action", action, "--cpu", "0.25", "--mem", "1024Mi", "--disk", "1.5Gi", "--gpu", "1")
    amounts = {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1536Mi", "nvidia.com/gpu": "1"}
    assert manifests.container["resources"] == {"requests": amounts, "limits": amounts}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "name", "advice"),
    [
        (("--action", "job", "--param", "text={}"), "OVENBIRD_PARAM", "--input NAME=KEY"),
        (("--action", "serve", "--init", "text={}"), "OVENBIRD_INIT_PARAMETERS", "have init read"),
        (("--action", "serve", "--env", "TEXT={}"), "TEXT", "mount a file"),
        (("--tag", "r.example/x:1", "--env", "TEXT={}"), "TEXT", "mount a file"),
    ],
    ids=["param", "init", "env", "build"],
)
def test_a_variable_that_no_program_starts_with(
    make: Callable[..., Manifests], refused: Callable[..., str], words: tuple[str, ...], name: str, advice: str
) -> None:
    """The kernel's limit is 128 KiB with the name; one byte less is accepted, and `$` counts once."""
    long = "$" * (128 * 1024 - 100)
    make(*(word.format(long) for word in words))
    message = refused(*(word.format("é" * 64 * 1024) for word in words))
    assert f"the variable `{name}` would have 1310" in message or f"the variable `{name}` would have 1311" in message
    assert advice in message
