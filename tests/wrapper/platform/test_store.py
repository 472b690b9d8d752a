from __future__ import annotations

import re

from ovenbird.platform import keys
from ovenbird.platform.local import LocalStore
from ovenbird.platform.store import Row, Store, timestamp


def test_the_local_store_is_a_store(store: LocalStore) -> None:
    checked: Store = store
    assert checked.files_root().endswith("files")


def test_a_timestamp_is_utc_with_milliseconds() -> None:
    assert timestamp(0.25) == "1970-01-01T00:00:00.250Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp())


def test_a_row_has_the_key_of_its_entity() -> None:
    rest = ("READY", "", "", None, None, None)
    assert Row("p", "model", "sklearn", "m", "1", *rest).key == "store://p/model/sklearn/m:1"
    assert Row("p", "run", "python+job:run", "7", "7", *rest).key == str(keys.run_key("p", "7"))
