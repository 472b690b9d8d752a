"""Jobs that are created, found and deleted, on a stand-in for kubectl."""

from __future__ import annotations

import pytest

from ovenbird_builder.cluster.jobs import create_job, find_job
from ovenbird_builder.errors import ClusterUnreachableError, ObjectMissingError, QuotaError

from .conftest import StandIn

JOB = {"kind": "Job", "metadata": {"name": "greet-x"}, "spec": {}}


def test_a_job_that_may_have_been_created(standin: StandIn) -> None:
    """Where the answer does not come in time it is deleted; a refusal deletes nothing."""
    refusal, deleted = standin.folder / "refusal", standin.folder / "deleted"
    refusal.write_text('Error from server (Forbidden): jobs.batch "greet-x" is forbidden: exceeded quota: small')
    with pytest.raises(QuotaError):
        create_job(standin.kubectl, [JOB])
    assert not deleted.exists()
    refusal.write_text("Error from server (Timeout): the server was unable to return a response in the time allotted")
    with pytest.raises(ClusterUnreachableError):
        create_job(standin.kubectl, [JOB])
    assert deleted.read_text() == "greet-x"


def test_a_job_of_somebody_else(standin: StandIn) -> None:
    """It is not found."""
    standin.put("job", {"metadata": {"name": "db", "namespace": "team-a"}, "spec": {}})
    with pytest.raises(ObjectMissingError, match="job 'db' is not one of a function"):
        find_job(standin.kubectl, "db")
