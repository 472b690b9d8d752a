"""Values in the form that MLflow takes."""

from __future__ import annotations

import pytest

from ovenbird.lineage import mlflow_values as values


@pytest.mark.parametrize(("name", "cleaned"), [
    ("loss", "loss"), ("train/loss 1:a", "train/loss 1:a"), ("größe", "größe"), ("a@b=c", "a_b_c"), ("/abs", "_abs"),
    ("../up", "__up"), ("a//b", "a__b"), (".", "_"), ("x" * 300, "x" * 250),
], ids=str)  # fmt: skip
def test_a_name(name: str, cleaned: str) -> None:
    """A name that MLflow would refuse is changed, any other one stays."""
    assert values.clean_name(name) == cleaned


def test_a_long_series_is_thinned() -> None:
    """So many numbers are sent, the first and the last among them, with the steps that they have."""
    metrics = values.make_metrics({"loss": [float(step) for step in range(100_001)], "one": 7}, 5)
    series = [(item["step"], item["value"]) for item in metrics if item["key"] == "loss"]
    assert (len(series), series[0], series[-1]) == (2500, (0, 0.0), (100_000, 100_000.0))
    assert all(step == value for step, value in series)
    assert metrics[-1] == {"key": "one", "value": 7.0, "timestamp": 5, "step": 0}


def test_numbers_that_json_has_not() -> None:
    """What is infinite, no number, or beyond floating point is written as protocol buffers write it."""
    metrics = values.make_metrics({"a": [float("inf"), 10**400, -(10**400), float("nan")]}, 5)
    assert [item["value"] for item in metrics] == ["Infinity", "Infinity", "-Infinity", "NaN"]


def test_batches_keep_the_limits() -> None:
    """No request has more than 1000 values, 100 of them parameters and tags, and none is left out."""
    batches = list(values.make_batches(range(2000), range(120), range(30)))
    for kind, count in (("metrics", 2000), ("params", 120), ("tags", 30)):
        assert [item for batch in batches for item in batch[kind]] == list(range(count))
    assert max(sum(map(len, batch.values())) for batch in batches) <= 1000
    assert max(len(batch["params"]) + len(batch["tags"]) for batch in batches) <= 100


def test_parameters() -> None:
    """Plain values are as Python writes them, which is how the library compares them; secrets are hidden."""
    pairs = values.make_parameters({"a": True, "b": None, "c": {"x": [1]}, "api_token": "t", "d": 0.1})
    assert {pair["key"]: pair["value"] for pair in pairs} == {
        "a": "True", "b": "None", "c": '{"x":[1]}', "api_token": "***", "d": "0.1",
    }  # fmt: skip
