from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from ovenbird.platform import keys
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore

_RUN = """
import sys, time
from ovenbird.platform.entities import run
from ovenbird.platform.local.store import LocalStore
found = run.start_run(LocalStore(sys.argv[1]), "p", {})
print(found.key, flush=True)
time.sleep(60)
"""


def _start_run(home: Path) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen([sys.executable, "-c", _RUN, str(home)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


def _killed(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def test_a_run_whose_process_was_killed_is_an_error_at_the_next_start(tmp_path: Path) -> None:
    child, key = _start_run(tmp_path)
    before = LocalStore(tmp_path)
    assert before.read(keys.parse_key(key))["status"]["state"] == "RUNNING"
    _killed(child)
    after = LocalStore(tmp_path)
    status = after.read(keys.parse_key(key))["status"]
    assert status["state"] == "ERROR"
    assert f"process {child.pid}" in status["message"]
    assert "SIGKILL" in status["message"]
    assert status["ended"]
    assert [row.state for row in after.list_summaries("run")] == ["ERROR"]
    assert after.reap() == []
    before.close()
    after.close()


def test_a_run_of_another_container_is_judged_by_the_lock_on_its_log(tmp_path: Path) -> None:
    child, key = _start_run(tmp_path)
    store = LocalStore(tmp_path)
    with store._database.writing() as connection:
        connection.execute("UPDATE owner SET namespace = 'pid:[1]'")
    assert store.reap() == []
    assert store.read(keys.parse_key(key))["status"]["state"] == "RUNNING"
    _killed(child)
    assert store.reap() == [key]
    assert store.read(keys.parse_key(key))["status"]["state"] == "ERROR"
    store.close()


def test_a_run_that_ended_is_nobodys(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    run_entity = run.start_run(store, "p", {})
    run_entity.finish("COMPLETED")
    with store._database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM owner").fetchone()[0] == 0
    assert store._owned._held == {}
    store.close()
