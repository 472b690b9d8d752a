"""Import times: the modules of `python -X importtime`, their distributions, and no trace of the measuring."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_MEASURE = """
import json, sys
from pathlib import Path
from ovenbird.common.import_times import ImportTimer, attribute_times
sys.path[:0] = [sys.argv[1], sys.argv[2]]
timer = ImportTimer()
failure = ""
sys.stderr.write("begin\\n")
try:
    with timer:
        import entry
except Exception:
    import traceback
    failure = traceback.format_exc()
sys.stderr.write("end\\n")
times = attribute_times(timer, Path(sys.argv[1]))
import importlib._bootstrap as bootstrap
print(json.dumps({
    "names": [name for name, _ in timer.spans],
    "seconds": {name: seconds for name, seconds in timer.spans},
    "whole": timer.seconds,
    "function": times.function, "standard_library": times.standard_library,
    "distributions": {entry.name: [entry.version, entry.modules] for entry in times.distributions},
    "order": [entry.seconds for entry in times.distributions],
    "loaded": list(sys.modules), "failure": failure, "hook": bootstrap._find_and_load.__closure__ is not None,
}))
"""


class Measured:
    """What a fresh process has measured, and what it has written to stderr in between."""

    def __init__(self, root: Path, *flags: str) -> None:
        words = [sys.executable, *flags, "-c", _MEASURE, str(root), str(root / "installed")]
        process = subprocess.run(words, capture_output=True, text=True, check=True)
        self.data: dict[str, Any] = json.loads(process.stdout)
        self.errors = process.stderr.partition("begin\n")[2].rpartition("end\n")[0]

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


def _install(root: Path, name: str, files: dict[str, str]) -> None:
    folder = root / "installed"
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    info = folder / f"{name}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in files))


def test_the_modules_are_those_of_importtime(tmp_path: Path) -> None:
    """The interpreter's own report on the same import has the same modules in the same order, with missing ones."""
    (tmp_path / "entry.py").write_text("import email.mime.text, xml.dom.minidom\nfrom part import one\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "__init__.py").write_text("")
    (tmp_path / "part" / "one.py").write_text("from . import two\n")
    (tmp_path / "part" / "two.py").write_text("import wave\n")
    measured = Measured(tmp_path, "-X", "importtime")
    listed = re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", measured.errors, re.MULTILINE)
    assert {"entry", "part.two", "wave", "email.mime.text"} <= set(listed)
    assert [name for name in listed if name in measured["loaded"]] == measured["names"]


def test_the_times_are_those_of_each_module_alone(tmp_path: Path) -> None:
    """A module's time is without what it imports, so that all of them add up to the whole."""
    (tmp_path / "entry.py").write_text("import slow\n")
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.05)\n")
    measured = Measured(tmp_path)
    assert measured["seconds"]["slow"] >= 0.05
    assert measured["seconds"]["entry"] < measured["seconds"]["slow"]
    assert sum(measured["seconds"].values()) <= measured["whole"]


def test_times_are_added_up_by_distribution(tmp_path: Path) -> None:
    """Also of modules that are not called as it is, and of parts of a namespace; the function's own stand apart."""
    _install(tmp_path, "plain-1.0", {"plain/__init__.py": "from . import inner", "plain/inner.py": ""})
    _install(tmp_path, "Other.Name-2.0", {"othername.py": "import wave\n"})
    _install(tmp_path, "space_one-3.0", {"space/one/__init__.py": "from . import deep", "space/one/deep.py": ""})
    _install(tmp_path, "space_two-4.0", {"space/two/__init__.py": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "loose.py").write_text("")
    (tmp_path / "entry.py").write_text(
        "import plain, othername, space.one, helper, sys\nsys.path.append(__file__[:-8] + 'elsewhere')\n"
    )
    (tmp_path / "helper.py").write_text("")
    measured = Measured(tmp_path)
    assert measured["distributions"] == {
        "plain": ["1.0", 2], "other-name": ["2.0", 1], "space-one": ["3.0", 2], "space": ["", 1],
    }  # fmt: skip
    assert measured["order"] == sorted(measured["order"], reverse=True)
    assert measured["function"] > 0
    assert measured["standard_library"] > 0


def test_an_import_that_fails_is_time_of_who_tried_it(tmp_path: Path) -> None:
    """An optional package that is missing is no module; what was imported before it fails counts."""
    (tmp_path / "entry.py").write_text("try:\n    import missing\nexcept ImportError:\n    import half_way\n")
    (tmp_path / "half_way.py").write_text("try:\n    import broken\nexcept ValueError:\n    pass\n")
    (tmp_path / "broken.py").write_text("import wave\nraise ValueError\n")
    names = Measured(tmp_path)["names"]
    assert {"entry", "half_way", "wave"} <= set(names)
    assert {"missing", "broken"}.isdisjoint(names)


def test_measuring_leaves_no_trace(tmp_path: Path) -> None:
    """Tracebacks and the places of warnings are those of an import that is not measured; the hook goes with the end."""
    (tmp_path / "entry.py").write_text("import warns\nimport fails\n")
    (tmp_path / "warns.py").write_text("import warnings\nwarnings.warn('old', stacklevel=2)\n")
    (tmp_path / "fails.py").write_text("raise RuntimeError('no')\n")
    measured = Measured(tmp_path)
    files = re.findall(r'File "([^"]+)"', measured["failure"])
    assert files == ["<string>", str(tmp_path / "entry.py"), str(tmp_path / "fails.py")]
    assert f"{tmp_path / 'entry.py'}:1: UserWarning: old" in measured.errors
    assert not measured["hook"]


def test_threads_that_import_do_not_mix_their_times(tmp_path: Path) -> None:
    """A thread that imports meanwhile takes nothing from the time of the module that waits for it."""
    (tmp_path / "entry.py").write_text(
        "import threading, time\n"
        "def work():\n    import slow\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"
    )
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.05)\n")
    seconds = Measured(tmp_path)["seconds"]
    assert seconds["slow"] >= 0.05
    assert seconds["entry"] >= 0.05


@pytest.mark.slow
def test_a_run_records_its_imports(tmp_path: Path) -> None:
    """The record has the time in all, and the heaviest distributions by name."""
    from tests import starts

    (tmp_path / "main.py").write_text("import yaml\ndef handler():\n    return 1\n")
    process = starts.run("run", "main.py", cwd=tmp_path, fresh=True)
    assert process.returncode == 0, process.stderr
    imports = json.loads(starts.run("runs", "show", "latest", cwd=tmp_path).stdout)["status"]["imports"]
    assert list(imports["distributions"]) == ["pyyaml"]
    assert 0 < imports["distributions"]["pyyaml"] <= imports["seconds"]
    assert imports["modules"] > 5
