from __future__ import annotations

import copy
import json
import pickle

import pytest

from ovenbird.platform.entities.attr_dict import AttrDict


def test_items_are_attributes_at_every_depth() -> None:
    fields = AttrDict({"a": {"b": [{"c": 1}]}})
    assert fields.a.b[0].c == fields["a"]["b"][0]["c"] == 1


def test_assigning_either_way_is_seen_the_other_way() -> None:
    fields = AttrDict()
    fields.path = {"x": 1}
    fields["state"] = "READY"
    assert (fields["path"].x, fields.state) == (1, "READY")


def test_every_way_of_setting_wraps() -> None:
    fields = AttrDict()
    fields.update({"a": {"x": 1}}, b=[{"x": 2}])
    assert fields.setdefault("c", {"x": 3}).x == fields.c.x == 3
    assert (fields.a.x, fields.b[0].x) == (1, 2)
    assert fields.setdefault("a").x == 1


def test_an_absent_name_is_none_as_attribute_and_key_error_as_item() -> None:
    assert AttrDict().nothing is None
    with pytest.raises(KeyError):
        AttrDict()["nothing"]


def test_plain_copies_hold_no_fields() -> None:
    plain = AttrDict({"a": [{"b": {}}]}).to_dict()
    assert type(plain) is dict
    assert type(plain["a"][0]) is dict
    assert type(plain["a"][0]["b"]) is dict


def test_fields_are_copied_pickled_and_dumped() -> None:
    fields = AttrDict({"a": {"b": 1}})
    assert copy.deepcopy(fields).a.b == pickle.loads(pickle.dumps(fields)).a.b == 1
    assert json.loads(json.dumps(fields)) == {"a": {"b": 1}}


def test_attributes_are_deleted_as_items_are() -> None:
    fields = AttrDict({"a": 1})
    del fields.a
    assert fields == {}
    with pytest.raises(AttributeError):
        del fields.a
