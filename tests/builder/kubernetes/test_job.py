"""A job: retried where that may help, on a schedule, or once for each line of a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import Jobs

from .conftest import Manifests


def decide(policy: dict[str, Any], code: int, *, disrupted: bool = False) -> str:
    """Return what Kubernetes does with a pod by this policy: the action of the first matching rule, else Count."""
    for rule in policy["rules"]:
        if rule.get("onPodConditions") and disrupted:
            return str(rule["action"])
        if code in rule.get("onExitCodes", {}).get("values", ()):
            return str(rule["action"])
    return "Count"


def test_which_failures_are_retried(make: Callable[..., Manifests]) -> None:
    """Not those that come again whatever one does; a drained node costs no attempt."""
    manifests = make("--action", "job", "--retries", "5")
    spec = manifests["Job"]["spec"]
    assert manifests.pod["restartPolicy"] == "Never"  # a policy by exit status needs that
    assert spec["backoffLimit"] == 5
    policy = spec["podFailurePolicy"]
    assert {code: decide(policy, code) for code in (70, 71, 72, 73, 77)} == dict.fromkeys(
        (70, 71, 72, 73, 77), "FailJob"
    )
    assert {decide(policy, code) for code in (1, 74, 75, 76, 78, 79, 137, 143)} == {"Count"}
    assert decide(policy, 143, disrupted=True) == "Ignore"
    assert all(rule["onExitCodes"]["containerName"] == "function" for rule in policy["rules"] if "onExitCodes" in rule)


def test_the_name_that_the_cluster_completes(make: Callable[..., Manifests]) -> None:
    """A second run of a Job needs a second name."""
    manifests = make("--action", "job", "--generate-name", "--ttl", "90m")
    assert manifests["Job"]["metadata"]["generateName"] == "greet-"
    assert "name" not in manifests["Job"]["metadata"]
    assert manifests["Job"]["spec"]["ttlSecondsAfterFinished"] == 5400
    assert "kubectl create" in manifests.notes


def test_a_schedule(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """A CronJob whose runs do not overlap."""
    manifests = make("--schedule", "0 3 * * 1-5", "--time-zone", "Europe/Rome")
    spec = manifests["CronJob"]["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 3 * * 1-5", "Europe/Rome", "Forbid")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 3
    assert "--schedule: minute '61': expected" in refused("--schedule", "61 * * * *")
    assert "--schedule: expected five fields" in refused("--schedule", "daily")
    assert "--time-zone: expected a name of the IANA database" in refused("--schedule", "@daily", "--time-zone", "../x")
    assert "--time-zone needs --schedule" in refused("--action", "job", "--time-zone", "UTC")
    assert "`--schedule` does not go with `--action serve`" in refused("--action", "serve", "--schedule", "@daily")
    assert "`--generate-name` does not go with `--schedule`" in refused("--schedule", "@daily", "--generate-name")


def test_a_run_for_each_line(make: Callable[..., Manifests], folder: Path) -> None:
    """The lines are a ConfigMap, mounted where the run looks; each index fails or is retried alone."""
    (folder / "each.jsonl").write_text('{"n": 1, "t": "$(X)"}\n\n  {"n": 2} \n')
    manifests = make("--each", "each.jsonl", "--param", "common=1", "--retries", "2")
    assert manifests.kinds == ["ConfigMap", "Job"]
    config = manifests["ConfigMap"]
    assert config["data"] == {"params.jsonl": '{"n": 1, "t": "$(X)"}\n{"n": 2}\n'}
    assert config["immutable"] is True
    spec = manifests["Job"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    assert spec["backoffLimitPerIndex"] == 2
    assert "backoffLimit" not in spec
    policy = spec["podFailurePolicy"]
    assert {code: decide(policy, code) for code in (72, 74, 77)} == {72: "FailJob", 74: "Count", 77: "FailIndex"}
    chosen = "-l app.kubernetes.io/instance=greet,app.kubernetes.io/component=job"
    selector = f"--field-selector metadata.name!={config['metadata']['name']}"
    assert f"kubectl delete configmap {chosen} {selector}" in manifests.notes
    assert manifests.env["OVENBIRD_EACH"] == "/etc/ovenbird/each/params.jsonl"
    assert manifests.env["OVENBIRD_PARAM"] == '{"common": 1}'
    assert {"name": "each", "configMap": {"name": config["metadata"]["name"]}} in manifests.pod["volumes"]
    assert {"name": "each", "mountPath": "/etc/ovenbird/each", "readOnly": True} in manifests.container["volumeMounts"]


def test_other_lines_are_another_configmap(make: Callable[..., Manifests], folder: Path) -> None:
    """The lines of a running Job do not change with the next one."""
    names = set()
    for text in ('{"n": 1}', '{"n": 2}', '{"n": 1}\n'):
        (folder / "each.jsonl").write_text(text)
        names.add(make("--each", "each.jsonl")["ConfigMap"]["metadata"]["name"])
    assert len(names) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines"),
        ("\n \n", "has no lines"),
        ('{"a": 1}\n{"a": }\n', "line 2: not JSON"),
        ('{"a": 1}\n\n[1]\n', "line 3: expected a JSON object of parameters, found [1]"),
        ("3\n", "line 1: expected a JSON object"),
        ("[" * 100_000, "line 1: not JSON"),
        ('\ufeff{"a": 1}\r\n\r\n{"a": }\r\n', "line 3: not JSON"),
        ('{"a": NaN}', "line 1: not JSON"),
        ('{"a": "\\ud800"}', "line 1: not JSON"),
        ("\ufeff\r\n", "has no lines"),
        ("{}\n" * 100_001, "holds 100001 lines, and a Job has at most 100000"),
    ],
)
def test_invalid_lines_are_refused(refused: Callable[..., str], folder: Path, text: str, message: str) -> None:
    """The file and the line are named."""
    (folder / "each.jsonl").write_text(text)
    errors = refused("--each", "each.jsonl")
    assert message in errors
    assert "--each: 'each.jsonl'" in errors


def test_a_file_of_lines_that_cannot_be_read(refused: Callable[..., str], folder: Path) -> None:
    """Absent, or no text."""
    assert "--each: cannot read 'absent.jsonl'" in refused("--each", "absent.jsonl")
    (folder / "binary").write_bytes('{"a": 1}'.encode("utf-16"))
    assert "--each: 'binary', line 1: not UTF-8 text (a file in UTF-16: `iconv" in refused("--each", "binary")
    assert "--each: cannot read 'binary/x': Not a directory" in refused("--each", "binary/x")


def test_a_run_for_each_combination(make: Callable[..., Manifests], folder: Path) -> None:
    """As on this machine: the last name varies first, the last `--grid` of a name counts, numbers keep their digits."""
    words = ("--grid", "n=9", "--grid", "n=1,1.10", "--grid", """t=x,[1, 2],"a,b\"""")
    manifests = make(*words)
    assert manifests["ConfigMap"]["data"]["params.jsonl"].splitlines() == [
        '{"n": 1, "t": "x"}', '{"n": 1, "t": [1,2]}', '{"n": 1, "t": "a,b"}',
        '{"n": 1.10, "t": "x"}', '{"n": 1.10, "t": [1,2]}', '{"n": 1.10, "t": "a,b"}',
    ]  # fmt: skip
    assert manifests["Job"]["spec"]["completions"] == 6
    (folder / "each.jsonl").write_text('{"a": "é"}\n{"a": 1e5}\n')
    manifests = make("--each", "each.jsonl", "--grid", "n=1,2", "--parallelism", "2")
    assert manifests["ConfigMap"]["data"]["params.jsonl"].splitlines() == [
        '{"a": "é", "n": 1}', '{"a": "é", "n": 2}', '{"a": 1e5, "n": 1}', '{"a": 1e5, "n": 2}',
    ]  # fmt: skip
    assert manifests["Job"]["spec"]["parallelism"] == 2


def test_combinations_that_are_refused(refused: Callable[..., str], folder: Path) -> None:
    """A form, a name that a line has too, too many of them, and too long ones."""
    (folder / "each.jsonl").write_text('{"a": 1}\n{"n": 1}\n')
    assert "--grid: expected NAME=VALUE,VALUE" in refused("--grid", "n=")
    assert "--each: line 2 holds 'n', which `--grid` varies" in refused("--each", "each.jsonl", "--grid", "n=1,2")
    thousand = ",".join(map(str, range(1000)))
    message = refused("--grid", f"a={thousand}", "--grid", f"b={thousand}")
    assert "`--grid` makes 1000000 lines, and a Job has at most 100000 indexes" in message
    assert "and a ConfigMap takes 1048576" in refused("--grid", f"a={thousand}", "--grid", f"b={'x' * 2000}")


@pytest.mark.parametrize("name", ["p.json", "p.yaml"])
def test_parameters_of_a_file(make: Callable[..., Manifests], folder: Path, name: str) -> None:
    """They win over the document, and `--param` over them."""
    date = "2026-01-31" if name == "p.yaml" else '"2026-01-31"'
    (folder / name).write_text(f'{{"a": 1, "b": 2, "day": {date}, "rate": 1e-3}}')
    task = {"parameters": {"a": 0, "c": 0}}
    env = make("--action", "job", "--params", name, "--param", "b=3", task=task).env
    assert json.loads(env["OVENBIRD_PARAM"]) == {"a": 1, "b": 3, "c": 0, "day": "2026-01-31", "rate": 0.001}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "--params: 'p.json' does not hold a mapping"), ("{", "--params: 'p.json' is not JSON"),
        ('{"a": NaN}', "--params: 'p.json' is not JSON"),
    ],
)  # fmt: skip
def test_a_file_of_parameters_that_is_none(
    refused: Callable[..., str], folder: Path, text: str, message: str
) -> None:  # fmt: skip
    """It is named, and so is one that is not there."""
    (folder / "p.json").write_text(text)
    assert message in refused("--action", "job", "--params", "p.json")
    assert "--params: cannot read 'absent'" in refused("--action", "job", "--params", "absent")


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_lines_as_other_systems_write_them(
    make: Callable[..., Manifests], folder: Path, jobs: Jobs, ends: str, encoding: str
) -> None:
    """A byte order mark, carriage returns and blank lines are no parameters; a run reads the same lines."""
    rows = ["", '{"n": 1}', "  ", '\t{"n": "é"} ', "", '{"n": 3}', ""]
    (folder / "each.jsonl").write_bytes(ends.join(rows).encode(encoding))
    manifests = make("--each", "each.jsonl")
    assert manifests["ConfigMap"]["data"] == {"params.jsonl": '{"n": 1}\n{"n": "é"}\n{"n": 3}\n'}
    assert manifests["Job"]["spec"]["completions"] == 3
    for name, text in (("typed", (folder / "each.jsonl").read_bytes()),
                       ("mounted", manifests["ConfigMap"]["data"]["params.jsonl"].encode())):  # fmt: skip
        (jobs.folder / name).write_bytes(text)
        process = jobs.run("def handler(n):\n    return n\n", "--each", name, "--index", "1")
        assert process.result["results"] == {"output_0": "é"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--parallelism", "3"), "--parallelism needs --each FILE or --grid"),
        (("--parallelism", "10", "--action", "job"), "--parallelism needs --each FILE or --grid"),
        (("--target-cpu", "60"), "--target-cpu needs --autoscale MIN:MAX"),
        (("--target-cpu", "80", "--action", "job"), "--target-cpu needs --autoscale MIN:MAX"),
        (("--target-cpu", "60", "--autoscale", "0:5", "--knative"), "`--target-cpu` does not go with `--knative`"),
        (("--time-zone", "UTC"), "--time-zone needs --schedule CRON"),
        (("--retries", "3", "--action", "serve"), "`--retries` does not go with `--action serve`"),
        (("--ttl", "1h", "--action", "serve"), "`--ttl` does not go with `--action serve`"),
        (("--authfile", "x"), "`--authfile` needs `--resolve`"),
        (("--ca-bundle", "x"), "`--ca-bundle` needs `--resolve`"),
        (("--grid", "n=1", "--action", "serve"), "`--grid` does not go with `--action serve`"),
        (("--each", "each.jsonl", "--action", "serve"), "`--each` does not go with `--action serve`"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_a_flag_that_needs_another(
    refused: Callable[..., str], folder: Path, words: tuple[str, ...], message: str
) -> None:
    """It is refused without it, also where it has the value that is the default."""
    (folder / "each.jsonl").write_text("{}")
    assert message in refused(*words)


def test_a_flag_selects_the_kind_of_object(make: Callable[..., Manifests]) -> None:
    """Where only one kind has it; a build has all of a job's."""
    assert make("--retries", "0").kinds == ["Job"]
    assert make("--autoscale", "1:2", "--cpu", "1").kinds == ["Deployment", "Service", "HorizontalPodAutoscaler"]
    assert make("--tag", "r.example/f:1", "--retries", "0", "--ttl", "1h").kinds == ["ConfigMap", "Job"]
    job = make("--tag", "r.example/f:1", "--ttl", "1h")["Job"]["spec"]
    assert (job["backoffLimit"], job["ttlSecondsAfterFinished"]) == (3, 3600)


@pytest.mark.slow
def test_more_lines_than_a_configmap_takes(
    make: Callable[..., Manifests], refused: Callable[..., str], folder: Path
) -> None:
    """Over a mebibyte is refused with a hint to split; over a quarter gives a warning about kubectl apply."""
    line = json.dumps({"text": "x" * 1000}) + "\n"
    path = folder / "each.jsonl"
    path.write_text(line * (1024**2 // len(line) + 1))
    message = refused("--each", "each.jsonl")
    assert "a ConfigMap takes 1048576" in message
    assert "split -n l/2 each.jsonl" in message
    path.write_text(line * (1024**2 // len(line)))
    assert "kubectl apply --server-side" in make("--each", "each.jsonl").notes
    path.write_text(line * 100)
    assert "--server-side" not in make("--each", "each.jsonl").notes


def test_names_stay_within_bounds(make: Callable[..., Manifests], folder: Path) -> None:
    """The longest name still leaves room for what Kubernetes adds to it: 63 is the end of a pod's host name."""
    (folder / "each.jsonl").write_text("{}\n" * 100)
    manifests = make("--each", "each.jsonl", "--name", "n" * 48, "--schedule", "@daily")
    assert len(manifests["CronJob"]["metadata"]["name"]) + len("-12345678") + len("-99999") <= 63
