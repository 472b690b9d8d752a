"""Each row of the table of names answers as the platform's real SDK does: `record_sdk.py` has recorded its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ovenbird.sdk

_FOLDER = Path(__file__).parent
_RECORDED = json.loads((_FOLDER / "observations.json").read_text())["seen"]
# what is different here, and why
_DIFFERENT: dict[str, Any] = {
    # parameters that are among `**kwargs` there have names here, or are left out where nothing reads them
    "delete_dataitem()": ["identifier", "project", "entity_id", "delete_all_versions", "cascade"],
    "log_model()": [
        "project", "name", "kind", "source", "drop_existing", "path", "description", "labels", "*kwargs",
    ],
    # there a requirement without a version gets that of the environment which happens to define the function
    "function.spec.requirements": ["pandas"],
    # the name of the file that inline source is written to
    "new_function": {
        **_RECORDED["new_function"], "source": {**_RECORDED["new_function"]["source"], "source": "main.py"},
    },
    "run.outputs": {"table": "<dataitem table>", "model": "<model weights>"},
    "run.outputs, as_key": {
        "table": "store://p/dataitem/table/table:<id>", "model": "store://p/model/model/weights:<id>",
    },
    "run.output, of a result": "done",  # there None, though its own quickstart expects the value
    "model.metrics": {"accuracy": 0.5},  # there an empty mark, and the values elsewhere
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the scenario prints with `import ovenbird`, in a process and a store of its own."""
    folder = tmp_path_factory.mktemp("scenario")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DHCORE", "OVENBIRD_"))}
    program = [sys.executable, str(_FOLDER / "scenario.py"), "ovenbird", ",".join(ovenbird.sdk.__all__)]
    process = subprocess.run(program, check=False, cwd=folder, env=clean, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    observed: dict[str, Any] = json.loads(process.stdout.strip().rpartition("\n")[2])
    return observed


@pytest.mark.slow
@pytest.mark.parametrize("row", list(_RECORDED))
def test_a_row_answers_as_the_sdk_does(seen: dict[str, Any], row: str) -> None:
    """The same value, the same parameters, or an error where the SDK raises one."""
    assert seen[row] == _DIFFERENT.get(row, _RECORDED[row])


def test_every_function_of_the_module_was_recorded() -> None:
    """A function that is added here is compared with the SDK's as well."""
    assert [name for name in ovenbird.sdk.__all__ if f"{name}()" not in _RECORDED] == []
