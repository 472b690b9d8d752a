"""Runs of several hosts: a sign of life, its absence, a request to stop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import SHARED, PostgresServer, open_database
from tests.service import wait_until
from tests.wrapper.platform.postgres.conftest import OpenHost

from ovenbird.errors import PlatformError
from ovenbird.platform import keys
from ovenbird.platform.entities import run

_RUN = """
import signal, sys, threading
from pathlib import Path
from ovenbird.platform.entities import run
from ovenbird.platform.postgres.database_url import parse_database_url
from ovenbird.platform.postgres.run_owners import Owner, identify_owner
from ovenbird.platform.postgres.store import PostgresStore
url, home, host = sys.argv[1:]
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
owner = identify_owner()
if host:
    owner = Owner(owner.process._replace(boot=host), host)
store = PostgresStore(parse_database_url(url, "the test"), home, owner=owner)
record = run.start_run(store, "p", {})
print(record.key, flush=True)
ended.wait(60)
record.finish("STOPPED")
store.close()
"""


def _start_run(url: str, home: Path, host: str = "") -> tuple[subprocess.Popen[str], keys.EntityKey]:
    child = subprocess.Popen([sys.executable, "-c", _RUN, url, str(home), host], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, keys.parse_key(child.stdout.readline().strip())


def _silence(server: PostgresServer) -> None:
    """Let the last signs of life be of long ago."""
    server.execute("UPDATE ovenbird.owner SET beat = now() - interval '1 day'", SHARED)


@pytest.mark.slow
def test_a_killed_process_of_this_host_is_seen_at_once(database_url: str, tmp_path: Path) -> None:
    """Its number and start decide, and no waiting time."""
    child, key = _start_run(database_url, tmp_path)
    store = open_database(database_url, tmp_path)
    assert store.read_state(key) == "RUNNING"
    child.kill()
    child.communicate()
    assert store.reap() == [str(key)]
    status = store.read(key)["status"]
    assert (status["state"], status["error"]["type"]) == ("ERROR", "ProcessLost")
    assert f"process {child.pid}" in status["message"]
    assert store.reap() == []
    store.close()


def test_a_silent_host_has_lost_its_runs(postgres_server: PostgresServer, open_host: OpenHost) -> None:
    """A run of another host ends as ERROR when its sign of life is older than the margin by the database's clock."""
    theirs, ours = open_host("theirs"), open_host("ours")
    record = run.start_run(theirs, "p", {})
    theirs._heartbeat.close()  # the machine has vanished
    assert open_host("patient", margin=1e6).reap() == []
    _silence(postgres_server)
    assert open_host("early", margin=80_000).reap() == []  # who uses a server that has just started has to come back
    assert wait_until(ours.reap, "the run is lost") == [record.key]
    assert "on theirs ended without a report" in ours.read(keys.parse_key(record.key))["status"]["message"]


@pytest.mark.slow
def test_a_run_that_was_lost_by_mistake_is_owned_again(postgres_server: PostgresServer, open_host: OpenHost) -> None:
    """A network that was cut for longer than the margin does not end a run: its process says so when it is back."""
    theirs, ours = open_host("theirs"), open_host("ours")
    record = run.start_run(theirs, "p", {})
    key = keys.parse_key(record.key)

    def lose() -> list[str]:
        _silence(postgres_server)
        return ours.reap()

    assert wait_until(lose, "the run is lost") == [record.key]
    wait_until(lambda: ours.read_state(key) == "RUNNING", "the run goes on")
    assert "error" not in ours.read(key)["status"]
    record.finish("COMPLETED")
    assert ours.read_state(key) == "COMPLETED"
    assert ours.reap() == []


def test_a_lost_run_that_was_saved_is_owned_again(postgres_server: PostgresServer, open_host: OpenHost) -> None:
    """User code may save it before the next sign of life, which takes the loss out of the record; an end is one."""
    theirs, ours = open_host("theirs"), open_host("ours")
    record = run.start_run(theirs, "p", {})
    sequence = theirs._sequences["p", "run", record.id]
    theirs._heartbeat.close()
    for _ in range(2):  # it can be lost again, so it has an owner
        _silence(postgres_server)
        assert wait_until(ours.reap, "the run is lost") == [record.key]
        record.save(update=True)
        assert ours.read_state(keys.parse_key(record.key)) == "RUNNING"
        assert theirs._owners.reclaim(sequence)
    record.finish("COMPLETED")
    assert not theirs._owners.reclaim(sequence)
    ours.remove(keys.parse_key(record.key))
    assert not theirs._owners.reclaim(sequence)


@pytest.mark.slow
def test_a_run_of_another_host_is_stopped(database_url: str, open_host: OpenHost, tmp_path: Path) -> None:
    """Its own process sees the request at its next sign of life, and gets SIGTERM."""
    child, key = _start_run(database_url, tmp_path, "elsewhere")
    ours = open_host("ours", margin=100.0)
    with pytest.raises(PlatformError, match=f"process {child.pid} on elsewhere"):
        ours.remove(key)
    ours.stop(key)
    child.communicate(timeout=60)
    assert ours.read_state(key) == "STOPPED"
    ours.remove(key)


@pytest.mark.slow
def test_a_run_of_this_host_is_stopped(database_url: str, tmp_path: Path) -> None:
    """Its process gets SIGTERM from here; one that has ended is left alone."""
    child, key = _start_run(database_url, tmp_path)
    store = open_database(database_url, tmp_path)
    store.stop(key)
    child.communicate(timeout=60)
    assert store.read_state(key) == "STOPPED"
    store.stop(key)
    store.close()
