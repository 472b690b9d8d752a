"""Files that the form is sent with, and what a page answers to values that nobody types."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.console.browser import Site, start_site
from tests.service import wait_until

from ovenbird.platform.keys import run_key
from ovenbird.platform.local.store import LocalStore

pytestmark = pytest.mark.slow
_MODULE = '''
import time
from pathlib import Path

def collect(target: str, data: Path, parts: list[Path] = ()):
    """Return the names of what was sent."""
    return {"target": target, "data": sorted(path.name for path in Path(data).iterdir()), "parts": len(parts)}

def wait(n: int):
    """Wait until it is stopped."""
    time.sleep(600)
'''


@pytest.fixture(scope="module")
def files_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page beside a function that takes files, and an argument with the name of a field of the form."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "files.py").write_text(_MODULE)
    with start_site(folder) as site:
        yield site


def test_files_go_to_a_run_and_to_the_next_one(files_site: Site) -> None:
    """Several files of an input are a folder, those of a list are paths; each run that uses them is in their mark."""
    form = {"run.target": "files.py:collect", "target": "of the function"}
    sent = [
        ("data", ("a.csv", b"1")),
        ("data", ("b.csv", b"2")),
        ("parts", ("c.bin", b"3")),
        ("parts", ("c.bin", b"4")),
    ]
    with files_site.client() as client:
        first = client.post("/run", data=form, files=sent)
        assert first.status_code == 303, first.text
        record = _wait_for_end(files_site.folder, first.headers["location"])
        expected = {"target": "of the function", "data": ["a.csv", "b.csv"], "parts": 2}
        assert record["status"]["results"] == {"output_0": expected}, record["status"]
        again = client.post("/run", data={**form, "data": record["spec"]["inputs"]["data"]})
    following = _wait_for_end(files_site.folder, again.headers["location"])
    folder = Path(record["spec"]["inputs"]["data"])
    assert folder.parent == files_site.folder / ".ovenbird" / "ui-uploads"
    marks = [json.loads(line) for line in Path(f"{folder}.runs").read_text().splitlines()]
    assert [mark.get("run") for mark in marks] == [None, record["key"], None, following["key"]]
    assert {mark.get("store", ".") for mark in marks} == {"."}
    (part,) = {Path(path).parent for path in record["spec"]["parameters"]["parts"]}
    assert sorted(path.name for path in part.iterdir()) == ["1-c.bin", "c.bin"]


def test_a_form_that_is_too_large(files_site: Site) -> None:
    """The limit is said on a page of its own, and that the form is still there."""
    with files_site.client() as client:
        answer = client.post("/run", data={"target": "x" * 2**21}, files={"data": ("a", b"1")})
    assert (answer.status_code, "The browser goes back" in answer.text) == (400, True)


def test_values_that_nobody_types(files_site: Site) -> None:
    """Numbers without an end and control characters are refused, and never a fault of the page."""
    with files_site.client() as client:
        pids = [client.post("/services/stop", data={"pid": pid}).status_code for pid in ("99999999999", "9" * 5000)]
        build = client.post("/images/build", data={"target": "files.py:collect", "name": "a\0b"})
        image = client.get(f"/image?name={quote(chr(0))}a")
        target = client.get(f"/function?target={'x' * 5000}")
        runs = client.get(f"/runs?limit={'9' * 5000}")
    assert (pids, build.status_code, image.status_code, target.status_code) == ([404, 404], 400, 400, 400)
    assert runs.status_code == 200


def _wait_for_end(folder: Path, path: str) -> dict[str, Any]:
    store = LocalStore(folder / ".ovenbird")
    identity = path.rpartition("/")[2]

    def read() -> dict[str, Any]:
        record = store.read(run_key("default", identity))
        return record if record["status"]["state"] in ("COMPLETED", "ERROR") else {}

    try:
        return wait_until(read, lambda: identity, pause=0.1)
    finally:
        store.close()


def test_a_sweep_whose_process_is_killed_says_so(files_site: Site) -> None:
    """Not all of its runs have begun, and none of them has the reason."""
    form = {"run.target": "files.py:wait", "run.grid": "n=1,2,3", "run.parallel": "1"}
    with files_site.client() as client:
        path = client.post("/run", data=form).headers["location"]
        wait_until(lambda: "state-running" in client.get(f"{path}/body").text.partition("<tbody>")[2], lambda: path)
        (pid,) = find_children(files_site.process.pid, "ovenbird_console.run_child")
        os.kill(pid, signal.SIGKILL)
        text = wait_until(
            lambda: (text := client.get(f"{path}/body").text) * ("state-running" not in text), lambda: path, pause=0.1
        )
    assert "Not all runs have begun" in text
    assert "ended with status -9" in text


def find_children(parent: int, word: str) -> list[int]:
    """Return the processes that a process has started with a word of their command line."""
    pids = [pid for path in Path(f"/proc/{parent}/task").glob("*/children") for pid in path.read_text().split()]
    return [pid for pid in sorted(set(map(int, pids))) if word in Path(f"/proc/{pid}/cmdline").read_text()]


def test_a_sweep_ends_with_a_page_that_is_killed(tmp_path: Path) -> None:
    """Its runs are stopped as by Ctrl-C, and the files that were sent for them are marked with all of them."""
    (tmp_path / "slow.py").write_text(
        "import time\nfrom pathlib import Path\n\ndef wait(data: Path, n: int):\n    time.sleep(600)\n"
    )
    store = LocalStore(tmp_path / ".ovenbird")
    form = {"run.target": "slow.py:wait", "run.grid": "n=1,2", "run.parallel": "2"}

    def list_states() -> list[str]:
        store.reap()
        return [record["status"]["state"] for record in store.iterate_records("run")]

    with start_site(tmp_path) as site, site.client() as client:
        answer = client.post("/run", data=form, files=[("data", ("a.csv", b"1"))])
        assert answer.status_code == 303, answer.text
        wait_until(lambda: list_states() == ["RUNNING"] * 2, list_states, pause=0.1)
        site.process.kill()  # and no `finally` of it runs
    wait_until(lambda: list_states() == ["STOPPED"] * 2, list_states, pause=0.1)
    keys = {record["key"] for record in store.iterate_records("run")}
    (mark,) = (tmp_path / ".ovenbird" / "ui-uploads").glob("*.runs")
    wait_until(lambda: {json.loads(line).get("run") for line in mark.read_text().splitlines()} == {None, *keys},
               mark.read_text, pause=0.1)  # fmt: skip
    store.close()
