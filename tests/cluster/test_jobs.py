"""Jobs on a real node: once, for each line, on a schedule; applied twice; failing."""

from __future__ import annotations

import pytest
from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_a_job(kube: Kube) -> None:
    """It runs once, also where its children are spawned; applied again, nothing changes."""
    words = ("--action", "job", "--cpu", "0.25", "--mem", "131072Ki", "--param", "do=spawn")
    kube.apply(*words)
    assert kube.wait_finished("greet") == "Complete"
    assert kube.kubectl("logs", "job/greet").splitlines().count("[0, 1, 4, 9]") == 1
    assert kube.apply(*words).splitlines() == ["job.batch/greet unchanged"]


def test_a_job_that_cannot_work_is_not_tried_again(kube: Kube) -> None:
    """Parameters that do not fit fail the Job with its first pod; what the handler raises is tried again."""
    kube.apply("--action", "job", "--param", "nobody=1", "--name", "hopeless")
    kube.apply("--action", "job", "--param", "do=fail", "--retries", "1", "--name", "again")
    for name, pods in (("hopeless", 1), ("again", 2)):
        assert kube.wait_finished(name) == "Failed"
        assert len(kube.list_pods("-l", f"job-name={name}")) == pods


def test_a_run_for_each_line(kube: Kube) -> None:
    """Each index has the parameters of its line; the note's command removes the lines of another time."""
    kube.write("each.jsonl", '{"n": 11}\n{"n": 22}\n')
    kube.apply("--each", "each.jsonl", "--name", "each")
    assert kube.wait_finished("each") == "Complete"
    logs = [kube.kubectl("logs", pod["metadata"]["name"]) for pod in kube.list_pods("-l", "job-name=each")]
    assert sorted(n for log in logs for n in (11, 22) if f'"n": {n}' in log or f'"n":{n}' in log) == [11, 22]
    kube.write("each.jsonl", '{"n": 33}\n')
    manifests, notes = kube.make_manifests("--each", "each.jsonl", "--name", "each")
    kube.kubectl("delete", "job", "each")
    kube.kubectl("apply", "-f", "-", text=manifests)
    ours = ("configmaps", "-l", "app.kubernetes.io/instance=each")
    assert len(kube.get(*ours)["items"]) == 2
    kube.kubectl(*notes.partition("all but this one: `kubectl ")[2].partition("`")[0].split())
    assert [item["data"]["params.jsonl"] for item in kube.get(*ours)["items"]] == ['{"n": 33}\n']
    assert kube.wait_finished("each") == "Complete"


def test_a_schedule(kube: Kube) -> None:
    """A CronJob is accepted unchanged, its job runs, and applied again it is unchanged."""
    words = ("--schedule", "@daily", "--time-zone", "Europe/Rome", "--name", "cron")
    kube.apply(*words)
    kube.kubectl("create", "job", "now", "--from=cronjob/cron")
    assert kube.wait_finished("now") == "Complete"
    assert kube.apply(*words).splitlines() == ["cronjob.batch/cron unchanged"]
