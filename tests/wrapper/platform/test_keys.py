from __future__ import annotations

import re

import pytest

from ovenbird.errors import InputError, OutputError
from ovenbird.platform import keys


@pytest.mark.parametrize(
    "text",
    [
        "store://p/dataitem/table/cities:0a1b",
        "store://p/dataitem/table/cities",
        "store://my-project/model/sklearn/a.b+c_d-e:v1.2",
        "store://p/run/python+job:run/abc:abc",
        "store://p/function/python/f1:2",
    ],
)
def test_a_key_that_is_parsed_and_written_is_the_same(text: str) -> None:
    assert str(keys.parse_key(text)) == text


def test_a_run_is_named_by_its_id_in_both_forms() -> None:
    short, long = (
        keys.parse_key("store://p/run/python+job:run/ab"),
        keys.parse_key("store://p/run/python+job:run/ab:ab"),
    )
    assert short == long == keys.run_key("p", "ab")


def test_latest_leaves_the_version_out() -> None:
    assert str(keys.parse_key("store://p/model/model/m:1").latest()) == "store://p/model/model/m"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cities", "not an entity key"),
        ("store://p/dataitem/cities", "3 parts"),
        ("store://p/dataitem/table/a/b", "5 parts"),
        ("store://p/thing/table/a", "'thing'"),
        ("store://p/dataitem/table/", "name ''"),
        ("store://p/dataitem/table/..", "'..'"),
        ("store:///dataitem/table/a", "project ''"),
        ("store://p/dataitem/ta ble/a", "'ta ble'"),
        ("store://p/dataitem/table/a:", "id ''"),
        ("store://p/dataitem/table/a:b:c", "'b:c'"),
        ("store://p/dataitem/table/a b", "' '"),
    ],
)
def test_a_malformed_key_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        keys.parse_key(text)
    assert caught.value.exit_code == 78
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\\b", "a:b", "a\n", "é", "x" * 201, 3, None, "a\0"])
def test_a_name_that_could_leave_its_folder_is_refused(name: object) -> None:
    with pytest.raises(OutputError):
        keys.check_name(name, "output name", OutputError)


def test_new_ids_are_version_4_uuids_and_differ() -> None:
    ids = {keys.new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", each) for each in ids)
