from __future__ import annotations

import datetime
import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy
import pandas
import polars
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.disks import disk

from ovenbird.errors import OutputError
from ovenbird.job.outputs import check_names, store
from ovenbird.job.result import RunResult
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

matplotlib.use("Agg")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    store = LocalStore(tmp_path / "home")
    yield Project(store, "p", {})
    store.close()


def _store_outputs(project: Project, value: Any, *names: Any) -> RunResult:
    outcome = RunResult()
    store(value, names, project, outcome)
    return outcome


def _store_single(project: Project, value: Any) -> tuple[str, Path]:
    """Type and kind of the one entity that the value became, and its file."""
    entity = project.get_material(_store_outputs(project, value, "out").outputs["out"])
    path = entity.local_path()
    assert path is not None
    return f"{entity.TYPE}/{entity.kind}", path


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("text", "text"), ("", ""), (0, 0), (False, False), (1.5, 1.5), (b"abc", "abc"),
        (b"\xff", "data:application/octet-stream;base64,/w=="), (2**70, str(2**70)), (math.inf, "Infinity"),
        (math.nan, "NaN"), (numpy.int64(3), 3), (numpy.float32(0.5), 0.5), (numpy.bool_(True), True),
        (numpy.str_("a"), "a"), (numpy.datetime64("2024-01-02"), "2024-01-02"),
    ],
)  # fmt: skip
def test_simple_values_are_results(project: Project, value: object, result: object) -> None:
    outcome = _store_outputs(project, value, "out")
    assert outcome == RunResult({"out": result}, {})
    assert type(outcome.results["out"]) is type(result)


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_a_frame_is_a_table_in_parquet(project: Project, make: Any) -> None:
    frame = make({"a": [1, 2], "b": ["x", "y"]})
    entity = project.get_dataitem(_store_outputs(project, frame, "out").outputs["out"])
    assert (entity.kind, Path(entity.spec.path).name) == ("table", "out.parquet")
    assert entity.as_df(engine=make.__module__.partition(".")[0]).equals(frame)
    assert entity.status.preview.rows == 2
    assert [field.type for field in entity.spec["schema"].fields] == ["integer", "string"]
    assert entity.status.files[0].hash.startswith("md5:")


@pytest.mark.slow
def test_a_figure_is_a_png(project: Project) -> None:
    from matplotlib import pyplot

    figure, _ = pyplot.subplots()
    kind, path = _store_single(project, figure)
    pyplot.close(figure)
    assert (kind, path.name, path.read_bytes()[:4]) == ("artifact/artifact", "out.png", b"\x89PNG")


@pytest.mark.parametrize("value", [{"a": [1, None, {"b": "é"}]}, {}, {"n": numpy.float64(1.5)}])
def test_json_values_are_json(project: Project, value: Any) -> None:
    kind, path = _store_single(project, value)
    assert (kind, path.name, json.loads(path.read_text())) == ("artifact/artifact", "out.json", value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"accuracy": 0.5, "n": numpy.int64(2)}, {"accuracy": 0.5, "n": 2}), ([1, [2, "x"], None], [1, [2, "x"], None]),
        ([], []), ({}, {}), ([math.nan], [None]), (["x" * 60_000], ["x" * 60_000]),
    ],
    ids=["dict", "list", "empty list", "empty dict", "not finite", "just small enough"],
)  # fmt: skip
def test_small_json_values_without_a_name_are_results(project: Project, value: Any, result: Any) -> None:
    """A dict of metrics is a result, and a list of JSON values is one value."""
    assert _store_outputs(project, value) == RunResult({"output_0": result}, {})


def test_a_large_json_value_is_an_artifact(project: Project) -> None:
    """The record of a run stays small."""
    outcome = _store_outputs(project, ["x" * 70_000])
    assert (outcome.results, list(outcome.outputs)) == ({}, ["output_0"])


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"x": math.inf, "y": [math.nan, numpy.float32("nan"), 1]}, {"x": None, "y": [None, None, 1]}),
        ({1: "a", numpy.int64(2): "b", None: 0, False: 1}, {"1": "a", "2": "b", "null": 0, "false": 1}),
        ({0.5: {numpy.float64(1.5): 1}}, {"0.5": {"1.5": 1}}),
    ],
)
def test_what_json_has_no_word_for(project: Project, value: Any, stored: Any) -> None:
    """Numbers that are not finite become null, keys become text: any reader can read the file."""
    kind, path = _store_single(project, value)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert (kind, path.name) == ("artifact/artifact", "out.json")
    assert json.loads(path.read_text(), parse_constant=refuse) == stored


@pytest.mark.parametrize("value", [{1: "a", "1": "b"}, {"a": {None: 1, "null": 2}}, {(1, 2): 3}])
def test_what_json_would_lose_is_pickled(project: Project, value: Any) -> None:
    """Two keys of the same text, a key that is no text: nothing is lost or written twice."""
    with pytest.warns(UserWarning, match="pickled"):
        kind, path = _store_single(project, value)
    assert (kind, path.name, pickle.loads(path.read_bytes())) == ("artifact/artifact", "out.pickle", value)


@pytest.mark.slow
def test_an_estimator_with_odd_parameters_is_a_model(project: Project) -> None:
    """numpy's keys, a nested pipeline and a random state are recorded as JSON values."""
    from sklearn.ensemble import RandomForestClassifier

    weights = dict(zip(numpy.unique([0, 1]), [0.5, 0.5], strict=True))
    forest = RandomForestClassifier(2, class_weight=weights, random_state=numpy.random.RandomState(1))
    fitted = make_pipeline(StandardScaler(), forest).fit([[0], [1]], [0, 1])
    for model in (forest, fitted):
        entity = project.get_model(_store_outputs(project, model, "m").outputs["m"])
        assert json.loads(json.dumps(entity.spec.parameters.to_dict(), allow_nan=False))
    assert project.get_model(_store_outputs(project, forest, "f").outputs["f"]).spec.parameters.class_weight == {
        "0": 0.5, "1": 0.5,
    }  # fmt: skip


def test_an_output_that_breaks_costs_no_other(project: Project) -> None:
    """Whatever a class of the user's raises, all other outputs are stored, and the error names the one that is not."""

    class Odd(dict[str, int]):
        def items(self) -> Any:
            raise RuntimeError("no items today")

    outcome = RunResult()
    with pytest.raises(OutputError, match=r"output 'b': .*Odd.* RuntimeError: no items today; stored: c, a"):
        store(({"x": 1}, Odd(a=1), 3), ("a", "b", "c"), project, outcome)
    assert (list(outcome.outputs), outcome.results) == (["a"], {"c": 3})


def test_a_list_within_a_tuple_is_json(project: Project) -> None:
    outcome = _store_outputs(project, ([1, 2], 3), "list", "number")
    path = project.get_artifact(outcome.outputs["list"]).local_path()
    assert path is not None
    assert json.loads(path.read_text()) == [1, 2]
    assert outcome.results == {"number": 3}


@pytest.mark.parametrize("value", [numpy.arange(6).reshape(2, 3), numpy.array(5), numpy.array(["a", "b"])])
def test_an_array_is_npy(project: Project, value: Any) -> None:
    kind, path = _store_single(project, value)
    assert (kind, path.name) == ("artifact/artifact", "out.npy")
    assert numpy.array_equal(numpy.load(path), value)


@pytest.mark.parametrize("make", [LinearRegression, lambda: make_pipeline(StandardScaler(), LinearRegression())])
def test_a_fitted_estimator_is_a_model(project: Project, make: Any) -> None:
    import joblib

    fitted = make().fit([[0], [1]], [0, 1])
    entity = project.get_model(_store_outputs(project, fitted, "out").outputs["out"])
    assert (entity.kind, entity.spec.framework, entity.spec.algorithm) == ("sklearn", "sklearn", type(fitted).__name__)
    assert joblib.load(entity.as_file()[0]).predict([[2]])[0] == pytest.approx(2)


def test_a_path_is_its_file_or_folder(project: Project, tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.txt").write_text("a")
    assert _store_single(project, tmp_path / "in/sub/a.txt")[1].read_text() == "a"
    kind, path = _store_single(project, tmp_path / "in")
    assert (kind, (path / "sub/a.txt").read_text()) == ("artifact/artifact", "a")
    with pytest.raises(OutputError, match=r"output 'out': .*absent does not exist"):
        _store_outputs(project, tmp_path / "absent", "out")


def test_an_entity_is_itself_once(project: Project) -> None:
    entity = project.log_artifact("mine", data=b"x")
    assert _store_outputs(project, (entity, entity), "one", "two").outputs == {"one": entity.key, "two": entity.key}
    assert len(project._store.list_summaries("artifact")) == 1


@pytest.mark.parametrize(
    "value",
    [numpy.ma.array([1.0, 999.0], mask=[0, 1]), numpy.matrix([[1, 2]]), numpy.rec.array([(1, "a")], names="n,s")],
    ids=["masked", "matrix", "records"],
)
def test_an_array_of_a_subclass_is_pickled_whole(project: Project, value: Any) -> None:
    """`.npy` would lose its mask, and its class."""
    with pytest.warns(UserWarning, match="output 'out' is of type numpy.*, which no rule covers"):
        path = _store_single(project, value)[1]
    loaded = pickle.loads(path.read_bytes())
    assert type(loaded) is type(value)
    assert numpy.array_equal(numpy.ma.getmaskarray(loaded), numpy.ma.getmaskarray(value))
    assert loaded.tolist() == value.tolist()


def test_a_mapped_array_is_npy(project: Project, tmp_path: Path) -> None:
    mapped = numpy.memmap(tmp_path / "data", dtype="int16", mode="w+", shape=(3,))
    mapped[:] = [1, 2, 3]
    path = _store_single(project, mapped)[1]
    assert (path.name, numpy.load(path).tolist()) == ("out.npy", [1, 2, 3])


def test_times_of_any_unit_are_text_or_stay_what_they_are(project: Project) -> None:
    """numpy gives nanoseconds as an integer."""
    assert _store_outputs(project, numpy.datetime64(1, "ns")).results == {"output_0": "1970-01-01T00:00:00.000000001"}
    with pytest.warns(UserWarning, match="stored pickled"):
        assert list(_store_outputs(project, numpy.timedelta64(1, "ns")).outputs) == ["output_0"]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"k": 1, "t": datetime.datetime(2024, 1, 2)}, "'t' is of type datetime.datetime"),
        ({"a": {"b": [1, {2}]}}, r"'a.b\[1\]' is of type set"),
        ({"a": [numpy.array([math.nan])]}, r"'a\[0\]' is of type numpy.ndarray"),
        ({"t": numpy.datetime64(1, "ns")}, "'t' is of type numpy.datetime64"),
        ({"a": {(1, 2): 3}}, "'a' has a key of type tuple"),
        ({1: "a", "1": "b"}, "it has two keys that are '1' as text"),
    ],
)  # fmt: skip
def test_a_warning_names_the_part_that_json_cannot_hold(project: Project, value: Any, part: str) -> None:
    with pytest.warns(UserWarning, match=rf"of type dict, which JSON cannot hold \({part}\): it is stored pickled"):
        path = _store_single(project, value)[1]
    assert path.name == "out.pickle"


@pytest.mark.parametrize("value", [{1, 2}, {(1, 2): 3}, LinearRegression(), numpy.array([{}]), complex(1, 2)])
def test_anything_else_is_pickled_with_a_warning(project: Project, value: Any) -> None:
    with pytest.warns(UserWarning, match="output 'out' is of type .* stored pickled"):
        kind, path = _store_single(project, value)
    assert (kind, path.name) == ("artifact/artifact", "out.pickle")
    assert repr(pickle.loads(path.read_bytes())) == repr(value)


def test_what_cannot_be_pickled_is_named_and_the_rest_is_stored(project: Project) -> None:
    outcome = RunResult()
    message = r"output 'b': it is a .*function.* cannot be pickled.*; stored: a, c"
    with pytest.raises(OutputError, match=message) as caught:
        store((1, lambda: 0, {"x": 1}), ["a", "b", "c"], project, outcome)
    assert caught.value.exit_code == 79
    assert (outcome.results, list(outcome.outputs)) == ({"a": 1}, ["c"])


def test_none_is_no_output(project: Project) -> None:
    assert _store_outputs(project, None, "a") == RunResult()
    assert _store_outputs(project, (None, 1), "a", "b").results == {"b": 1}


def test_values_beyond_the_names_are_numbered(project: Project) -> None:
    assert _store_outputs(project, (1, 2, 3), "a").results == {"a": 1, "output_1": 2, "output_2": 3}
    assert _store_outputs(project, (1, 2)).results == {"output_0": 1, "output_1": 2}
    assert _store_outputs(project, 1).results == {"output_0": 1}
    assert _store_outputs(project, (1,), "a", "b").results == {"a": 1}


@pytest.mark.parametrize("names", [["a", "a"], ["output_1"]])
def test_two_outputs_of_one_name_are_refused_before_anything_is_stored(project: Project, names: list[str]) -> None:
    with pytest.raises(OutputError, match="two outputs are named"):
        _store_outputs(project, ({"x": 1}, {"y": 1}), *names)
    assert project._store.list_summaries("artifact") == []


@pytest.mark.parametrize("name", ["a/b", "..", "", None, {"kind": "table"}, {"name": "../a"}])
def test_a_name_that_leaves_its_folder_is_refused(name: Any) -> None:
    with pytest.raises(OutputError, match="output name"):
        check_names([name])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(OutputError, match="'onnx' is not known"):
        check_names([{"name": "m", "kind": "onnx"}])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "key"),
    [("artifact", "artifact/artifact"), ("dataitem", "dataitem/dataitem"), ("table", "dataitem/table"),
     ("croissant", "dataitem/croissant"), ("model", "model/model"), ("sklearn", "model/sklearn"),
     ("mlflow", "model/mlflow")],
)  # fmt: skip
def test_a_declared_kind_takes_the_path_of_its_source(project: Project, tmp_path: Path, kind: str, key: str) -> None:
    (tmp_path / "s.csv").write_text("x\n1\n")
    item = {"name": "out", "kind": kind, "spec_kwargs": {"note": "n"}}
    entity = project.get_material(_store_outputs(project, str(tmp_path / "s.csv"), item).outputs["out"])
    assert (f"{entity.TYPE}/{entity.kind}", entity.spec.note) == (key, "n")
    with pytest.raises(OutputError, match="the path of a local file or folder; found int"):
        _store_outputs(project, 3, item)


def test_a_frame_declared_as_a_table_is_stored_as_a_table(project: Project) -> None:
    outcome = _store_outputs(project, pandas.DataFrame({"a": [1]}), {"name": "out", "kind": "table"})
    assert list(project.get_dataitem(outcome.outputs["out"]).as_df()["a"]) == [1]


def test_a_full_disk_names_what_was_stored(project: Project, tmp_path: Path) -> None:
    with disk(tmp_path / "full", "64k") as full:
        full_project = Project(project._store, "p", {}, files_store=str(full))
        with pytest.raises(OutputError, match=r"output 'big': .*No space left on device.*; stored: small"):
            _store_outputs(full_project, ({"a": 1}, numpy.zeros(100_000)), "small", "big")
