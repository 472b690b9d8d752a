"""The arguments of `function.run` are checked before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.errors import ArgumentsError
from ovenbird.sdk import run_fields

_GOOD: dict[str, Any] = {
    "resources": {"cpu": "500m", "mem": "2Gi", "gpu": 1, "disk": "1Gi"}, "profile": "gpu", "labels": ["l"], "name": "n",
    "volumes": [{"volume_type": "empty_dir", "name": "v", "mount_path": "/v", "spec": {"size_limit": "1Gi"}}],
    "envs": [{"name": "A", "value": "1"}], "secrets": ["TOKEN"], "parameters": {"a": None}, "init_parameters": {},
    "local_execution": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("job", {"inputs": {"x": "store://p/artifact/artifact/a"}, "outputs": {"x": "y"}}),
        ("serve", {"replicas": 2, "service_type": "NodePort", "service_name": "s"}),
        ("build", {"instructions": ["pip list"]}),
    ],
)
def test_fields_of_the_sdk_are_taken(action: str, fields: dict[str, Any]) -> None:
    """Those of each action and those of all; one that is None counts as not given."""
    of_all = {name: _GOOD[name] for name in ("resources", "volumes", "envs", "secrets", "profile", "labels", "name")}
    assert run_fields.check_fields(action, {**of_all, **fields, "name": None}) == {
        name: value for name, value in {**of_all, **fields}.items() if name != "name"
    }
    assert "resources" in run_fields.list_cluster_fields(of_all)
    assert run_fields.list_cluster_fields({"replicas": 1, "volumes": [], "envs": []}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resources", {"cpu": "lots"}), ("resources", {"cores": "1"}), ("resources", "1"), ("resources", {"cpu": True}),
        ("volumes", [{"name": "v", "mount_path": "/v"}]), ("volumes", {}), ("envs", ["A=1"]), ("envs", {"A": "1"}),
        ("envs", [{"name": "A", "value": 1}]), ("secrets", "TOKEN"), ("secrets", [1]), ("profile", 1),
        ("labels", "l"), ("name", 1), ("inputs", ["x"]), ("parameters", [1]), ("parameters", {1: 2}),
        ("local_execution", "yes"), ("outputs", ["x"]),
    ],
)  # fmt: skip
def test_a_field_of_another_form_is_refused(name: str, value: Any) -> None:
    """The message names the field and what was found, the hint its form."""
    with pytest.raises(ArgumentsError, match=f"^{name} is ") as caught:
        run_fields.check_fields("job", {name: value})
    assert caught.value.hint


@pytest.mark.parametrize("name", ["envs", "inputs", "parameters", "init_parameters"])
def test_a_value_that_may_be_secret_is_not_shown(name: str) -> None:
    """A misspelt field of a variable is no reason to print its value."""
    with pytest.raises(ArgumentsError, match=f"^{name} is of type list") as caught:
        run_fields.check_fields("job", {name: [{"name": "API_KEY", "valeu": "hush-hush"}]})
    assert "hush-hush" not in str(caught.value)


def test_variables_are_recorded_without_secrets() -> None:
    """The fields themselves, which the process gets, keep the values."""
    fields = {"envs": [{"name": "API_KEY", "value": "hush"}, {"name": "DB", "value": "pg://u:hush@h/d"}], "name": "n"}
    assert run_fields.select_recorded(fields, ("envs", "profile")) == {
        "envs": [{"name": "API_KEY", "value": "***"}, {"name": "DB", "value": "pg://h/d"}]
    }
    assert fields["envs"][0] == {"name": "API_KEY", "value": "hush"}


def test_a_field_of_another_action_is_refused() -> None:
    """A misspelt field, which the SDK passes over, is named with the one that is meant."""
    with pytest.raises(ArgumentsError, match=r'run\("job"\) has no argument \'replicas\''):
        run_fields.check_fields("job", {"replicas": 2})
    with pytest.raises(ArgumentsError, match="'paramters'") as caught:
        run_fields.check_fields("job", {"paramters": {}})
    assert "did you mean 'parameters'" in caught.value.hint
    for action in ("jobb", None, 3):
        with pytest.raises(ArgumentsError, match=r"^action is "):
            run_fields.check_action(action)
    for count in (0, True, "2"):
        with pytest.raises(ArgumentsError, match=r"^replicas is "):
            run_fields.check_fields("serve", {"replicas": count})
