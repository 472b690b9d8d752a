"""`--set` changes any field of a document, and reports an impossible path."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.kubernetes.overrides import apply, parse


def make_documents() -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "greet"},
            "spec": {"replicas": 1, "containers": [{"name": "a"}, {"name": "b", "env": []}]},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "greet"}, "spec": {"type": "ClusterIP"}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("Deployment.spec.replicas=3", ["spec", "replicas"], 3),
        ("deployment.spec.x=text", ["spec", "x"], "text"),
        ("Deployment.spec.containers[1].image=a=b", ["spec", "containers", 1, "image"], "a=b"),
        ("Deployment.spec.containers[name=b].image=i", ["spec", "containers", ("name", "b"), "image"], "i"),
        (r"Service.metadata.annotations.a\.b/c=1.5", ["metadata", "annotations", "a.b/c"], 1.5),
        ("Service.spec.on=true", ["spec", "on"], True),
        ('Service.spec.text="3"', ["spec", "text"], "3"),
        ('Service.spec.map={"a": [1]}', ["spec", "map"], {"a": [1]}),
        ("Service.spec.type=null", ["spec", "type"], None),
        ("Service.spec.number=NaN", ["spec", "number"], "NaN"),
        ("Service.spec.number=1e999", ["spec", "number"], "1e999"),
        ("Service.spec.empty=", ["spec", "empty"], ""),
        (r"Service.metadata.labels.a\=b=c", ["metadata", "labels", "a=b"], "c"),
        ("Service.spec.a[0][1]=2", ["spec", "a", 0, 1], 2),
    ],
)
def test_forms(change: str, path: list[Any], value: Any) -> None:
    """A path of names, numbers and items by name; a value that is JSON, or else text."""
    kind, *rest = parse(change)
    assert kind.lower() == change.split(".", maxsplit=1)[0].lower()
    assert rest == [path, value]


@pytest.mark.parametrize(
    "change", ["", "replicas", "Deployment=1", "Deployment.spec", "=1", "[0].a=1", "Deployment.=1", "Deployment.a[=1",
    "Deployment.a[x]=1", "Deployment..a=1", "Deployment.a[0]b=1"]
)  # fmt: skip
def test_invalid_changes_are_refused(change: str) -> None:
    """The error has the form and an example."""
    with pytest.raises(BuildRequestError, match=r"KIND\.path=value") as caught:
        parse(change)
    assert "Deployment.spec" in caught.value.hint


def test_fields_are_set_created_and_removed() -> None:
    """Mappings and lists on the way are made; null removes."""
    manifests = make_documents()
    apply(
        manifests,
        [
            "Deployment.spec.replicas=4", "Deployment.spec.containers[name=b].env[0].name=X",
            "Deployment.spec.containers[2].name=c", "Deployment.metadata.labels.team=a", "Service.spec.type=null",
            "Deployment.spec.containers[0]=null", "Deployment.spec.absent=null",
        ],
    )  # fmt: skip
    assert manifests[0]["spec"] == {
        "replicas": 4, "containers": [{"name": "b", "env": [{"name": "X"}]}, {"name": "c"}],
    }  # fmt: skip
    assert manifests[0]["metadata"] == {"name": "greet", "labels": {"team": "a"}}
    assert manifests[1]["spec"] == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("Job.spec.a=1", "there is no 'Job' here (`KIND` is one of Deployment, Service)"),
        ("Deployment.spec.containers[5].image=x", "the list has 2 items"),
        ("Deployment.spec.containers[name=z].image=x", "no item with `name=z`"),
        ("Deployment.spec.containers.image=x", "does not lead into a list"),
        ("Deployment.spec[0]=x", "does not lead into a mapping"),
        ("Deployment.spec.replicas.x=1", "does not lead into 1"),
        ("Deployment.spec.replicas.x.y=1", "does not lead into 1"),
    ],
)
def test_an_impossible_path_is_refused(change: str, message: str) -> None:
    """The change is named, and what was found in its way."""
    with pytest.raises(BuildRequestError) as caught:
        apply(make_documents(), [change])
    assert message in str(caught.value)
    assert change in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("Deployment.kind=null", "expected text as `kind`"),
        ("Deployment.kind=[1]", "expected text as `kind`"),
        ("Deployment.apiVersion=", "expected text as `apiVersion`"),
        ("Deployment.metadata=null", "`metadata.name` of the Deployment, found None"),
        ("Deployment.metadata=5", "`metadata.name` of the Deployment, found 5"),
        ("Deployment.metadata.name=null", "`metadata.name` of the Deployment, found ''"),
        ("Deployment.metadata.name=greet-", "`metadata.name` of the Deployment, found 'greet-'"),
        ("Deployment.metadata.name=../x", "`metadata.name` of the Deployment, found '../x'"),
        ("Deployment.metadata.name=Foo Bar", "`metadata.name` of the Deployment, found 'Foo Bar'"),
    ],
)
def test_an_object_keeps_a_kind_and_a_name(change: str, message: str) -> None:
    """Nothing can be applied without them, and the files of `--output` are named by both."""
    with pytest.raises(BuildRequestError) as caught:
        apply(make_documents(), [change])
    assert message in str(caught.value)


def test_a_name_may_give_way_to_a_prefix() -> None:
    """Names are looked at when all changes are made."""
    manifests = make_documents()
    apply(manifests, ["Deployment.metadata.name=null", "Deployment.metadata.generateName=greet-"])
    assert manifests[0]["metadata"] == {"generateName": "greet-"}
