"""The provenance has the fields of SLSA and in-toto, lists the materials, and holds no secret."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ovenbird_builder.attestations import provenance
from ovenbird_builder.errors import ImagePolicyError

COMMIT = "c" * 40
MATERIALS = (
    provenance.describe_image("registry.example/python:3.12", "sha256:" + "a" * 64),
    provenance.describe_source("git+https://user:hush@example.org/repo.git", COMMIT, "sha256:" + "d" * 64),
    provenance.describe_wheel("numpy", "2.1.0", "e" * 64, "numpy-2.1.0-cp312.whl"),
)
URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")


def make_statement(**changes: Any) -> dict[str, Any]:
    """Return a statement."""
    fields: dict[str, Any] = {
        "name": "registry.example/app:1", "digest": "sha256:" + "f" * 64, "materials": MATERIALS, "version": "0.1.0",
        "parameters": {"function": {"name": "fn"}, "flags": ["--push"]}, "epoch": 1700000000,
    }  # fmt: skip
    secrets = changes.pop("secrets", ())
    record = provenance.BuildRecord(**{**fields, **changes})
    statement: dict[str, Any] = json.loads(provenance.build_provenance(record, secrets=secrets))
    return statement


def test_it_has_the_fields_that_are_required() -> None:
    """in-toto Statement v1: _type, subject with digest, predicateType, predicate. SLSA v1: what it marks REQUIRED."""
    statement = make_statement()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "registry.example/app:1", "digest": {"sha256": "f" * 64}}]
    definition, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert URI.fullmatch(definition["buildType"])
    assert definition["externalParameters"] == {"function": {"name": "fn"}, "flags": ["--push"]}
    assert URI.fullmatch(run["builder"]["id"])
    assert run["builder"]["version"] == {"ovenbird": "0.1.0"}
    assert run["metadata"]["startedOn"] == run["metadata"]["finishedOn"] == "2023-11-14T22:13:20Z"
    for material in definition["resolvedDependencies"]:
        assert URI.fullmatch(material["uri"])
        assert all(re.fullmatch(r"[0-9a-f]{40,64}", value) for value in material["digest"].values())


def test_it_lists_the_materials() -> None:
    """Base, commit and wheels, each by digest; credentials are dropped from URLs."""
    base, source, wheel = make_statement()["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert base == {"uri": "docker://registry.example/python:3.12", "digest": {"sha256": "a" * 64}}
    assert source["uri"] == "git+https://example.org/repo.git"
    assert source["digest"] == {"gitCommit": COMMIT, "ovenbirdTree1": "d" * 64}
    assert wheel == {"uri": "pkg:pypi/numpy@2.1.0", "digest": {"sha256": "e" * 64}, "name": "numpy-2.1.0-cp312.whl"}


def test_credentials_of_urls_are_dropped_at_any_depth() -> None:
    """A token in the URL of a requirement is dropped; the user of git over ssh is not a credential."""
    statement = make_statement(
        parameters={"a": [{"b": "x @ https://tok3n@host/x.zip"}], "c": "git+ssh://git@host/x.git"}
    )
    assert statement["predicate"]["buildDefinition"]["externalParameters"] == {
        "a": [{"b": "x @ https://host/x.zip"}], "c": "git+ssh://git@host/x.git",
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["https", "zip+https", "s3", "git+https"])
def test_no_signature_is_published(scheme: str) -> None:
    """The query of a source's URL may be a signature: of the document, a requirement, a command, a material."""
    url = f"{scheme}://user:hush@host/f.zip?X-Amz-Signature=hush&other=hush"
    function = {"spec": {"source": {"source": url}, "requirements": [f"x @ {url}"], "envs": {"API_TOKEN": "hush"}}}
    statement = make_statement(
        parameters={"function": function, "instructions": [{"run": f"curl -o x '{url}'"}]},
        internal={"lock": url},
        materials=(provenance.describe_source(url, "", "sha256:" + "d" * 64),),
    )
    assert "hush" not in json.dumps(statement)
    assert statement["predicate"]["buildDefinition"]["externalParameters"]["function"]["spec"]["source"] == {
        "source": f"{scheme}://host/f.zip?X-Amz-Signature=***&other=***"
    }


def test_a_secret_is_refused() -> None:
    """A secret value in a parameter, escaped as in JSON, ends the build; the error does not show it."""
    with pytest.raises(ImagePolicyError) as caught:
        make_statement(parameters={"flag": 'say hu"sh now'}, secrets=['hu"sh'])
    assert "hu" not in str(caught.value).replace("would tell", "")
