"""Where the records of a pod go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ovenbird.errors import OvenbirdError

from .conftest import Manifests

_LOST = "what the job records goes with its pod"


def test_the_store_of_a_secret(make: Callable[..., Manifests]) -> None:
    """The URL stays in the Secret; files have a place of their own; the image needs a driver."""
    manifests = make("--action", "job", "--store-secret", "team-store", "--files-store", "s3://bucket/x")
    reference = {"secretKeyRef": {"name": "team-store", "key": "OVENBIRD_STORE"}}
    assert manifests.env["OVENBIRD_STORE"] == reference
    assert manifests.env["OVENBIRD_FILES_STORE"] == "s3://bucket/x"
    assert "psycopg[binary]" in manifests.notes
    assert _LOST not in manifests.notes
    service = make("--action", "serve", "--store-secret", "team-store:url", "--files-store", "s3://bucket/x")
    assert service.env["OVENBIRD_STORE"] == {"secretKeyRef": {"name": "team-store", "key": "url"}}
    assert service.env["DHCORE_DEFAULT_FILES_STORE"] == "s3://bucket/x"


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ((), _LOST),
        (("--volume", "pvc:data:/data"), _LOST),
        (("--volume", "empty_dir:data:/data", "--env", "OVENBIRD_HOME=/data/x"), _LOST),
        (("--store-secret", "team-store"), "files of outputs go with the job's pod"),
        (("--volume", "pvc:data:/data", "--env", "OVENBIRD_HOME=/data/x"), ""),
        (("--env", "DHCORE_ENDPOINT=https://core"), ""),
        (("--secret", "OVENBIRD_STORE", "--env", "OVENBIRD_FILES_STORE=s3://b"), ""),
    ],
)
def test_a_job_whose_records_go_with_its_pod_is_noted(
    make: Callable[..., Manifests], words: tuple[str, ...], note: str
) -> None:
    """Only a database, the platform or a volume that holds the store outlive the pod."""
    notes = make("--action", "job", *words).notes
    assert note in notes
    if not note:
        assert "with its pod" not in notes
        assert "with the job's pod" not in notes
    assert _LOST not in make("--action", "serve").notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--action", "job", "--store-secret", "Team Store"), "expected the name of a Secret"),
        (("--action", "job", "--store-secret", "postgresql://u:pw@h/d"), "expected the name of a Secret"),
        (("--action", "job", "--files-store", "here"), "expected a URL"),
        (("--action", "build", "--store-secret", "team-store"), "does not go with `--action build`"),
    ],
)
def test_values_that_cannot_be_are_refused(
    make: Callable[..., Manifests], words: tuple[str, ...], message: str
) -> None:
    """A URL in place of a Secret's name is refused without its password."""
    with pytest.raises(OvenbirdError, match=message) as caught:
        make(*words)
    assert "u:pw" not in str(caught.value)
