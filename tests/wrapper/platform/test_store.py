from __future__ import annotations

import re
import subprocess
import sys

from ovenbird.platform import keys
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.store import EntityStore, EntitySummary, format_timestamp


def test_the_local_store_is_a_store(store: LocalStore) -> None:
    checked: EntityStore = store
    assert checked.files_root().endswith("files")


def test_recording_a_run_loads_little() -> None:
    program = (
        "import sys, tempfile\nfrom ovenbird.platform.entities import run\n"
        "from ovenbird.platform.project import project\n"
        "from ovenbird.platform.local.store import LocalStore\n"
        "store = LocalStore(tempfile.mkdtemp()); found = run.start_run(store, 'p', {})\n"
        "project.Project(store, 'p', {}, run=found); found.finish('COMPLETED'); store.close(); print(*sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {
        "asyncio", "pandas", "polars", "numpy", "pyarrow", "obstore", "starlette", "urllib.request", "http", "hashlib",
        "mimetypes", "queue", "logging", "yaml", "ovenbird.platform.storage.files",
    }  # fmt: skip
    assert heavy & set(process.stdout.split()) == set()


def test_a_timestamp_is_utc_with_milliseconds() -> None:
    assert format_timestamp(0.25) == "1970-01-01T00:00:00.250Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", format_timestamp())


def test_a_row_has_the_key_of_its_entity() -> None:
    rest = ("READY", "", "", None, None, None)
    assert EntitySummary("p", "model", "sklearn", "m", "1", *rest).key == "store://p/model/sklearn/m:1"
    assert EntitySummary("p", "run", "python+job:run", "7", "7", *rest).key == str(keys.run_key("p", "7"))
