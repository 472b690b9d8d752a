from __future__ import annotations

import numpy
import pytest

from ovenbird.errors import InputError, PlatformError
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.entities.file_entity import Model
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


@pytest.fixture
def model(project: Project) -> Model:
    return project.new_model("m", path="s3://b/k")


def test_an_entity_has_what_user_code_reads(model: Model) -> None:
    assert (model.name, model.kind, model.project) == ("m", "model", "p")
    assert model.key == f"store://p/model/model/m:{model.id}"
    assert model.spec.path == model.spec["path"] == "s3://b/k"
    assert model.status.state == "READY"
    assert model.metadata.created <= model.metadata.updated
    assert model.to_dict()["type"] == "model"


def test_what_is_changed_and_saved_is_read_again(model: Model, project: Project) -> None:
    model.spec.algorithm = "tree"
    model.status["note"] = {"a": [1]}
    assert model.save(update=True) is model
    again = project.get_model("m")
    assert (again.spec.algorithm, again.status.note.a) == ("tree", [1])


def test_saving_anew_what_exists_is_an_error(model: Model) -> None:
    with pytest.raises(PlatformError, match="update=True"):
        model.save()


def test_refresh_sees_what_another_wrote(model: Model, project: Project) -> None:
    other = project.get_model(model.key)
    other.spec.algorithm = "forest"
    other.save(update=True)
    assert model.refresh().spec.algorithm == "forest"


def test_what_is_deleted_is_gone(model: Model, project: Project) -> None:
    model.delete()
    with pytest.raises(InputError):
        project.get_model(model.key)


def test_a_relation_is_stored_once(model: Model) -> None:
    model.relate("produced_by", "x")
    model.relate("produced_by", "x")
    assert model.metadata.relationships == [{"type": "produced_by", "dest": "x"}]


def test_metrics_are_series_or_single_numbers(model: Model, store: LocalStore) -> None:
    model.log_metric("loss", 3)
    model.log_metric("loss", [2, numpy.float32(1)])
    model.log_metric("best", 0.25, single_value=True)
    model.log_metrics({"accuracy": numpy.float64(0.5), "curve": numpy.array([1, 2])})
    model.log_metrics({"curve": [3]})
    expected = {"loss": [3, 2, 1], "best": 0.25, "accuracy": 0.5, "curve": [1, 2, 3]}
    assert model.status.metrics == expected
    assert model.refresh().status.metrics == expected
    model.log_metric("loss", 9, overwrite=True)
    assert model.status.metrics.loss == [9] == model.refresh().status.metrics.loss


def test_metrics_outlive_a_save(model: Model) -> None:
    model.log_metric("a", 1)
    model.save(update=True)
    assert model.refresh().status.metrics.a == [1]


@pytest.mark.parametrize("value", ["1", None, 1j, {"a": 1}, [1, "x"], 10**400])
def test_a_metric_that_is_no_number_is_named(model: Model, value: object) -> None:
    with pytest.raises(InputError, match="'loss' is not a number"):
        model.log_metric("loss", value)


def test_a_record_with_an_unusable_name_is_refused() -> None:
    with pytest.raises(InputError, match="model name 'a/b'"):
        new_record("p", "model", "model", "a/b")
