"""A run whose store is a database: while it is down at the start, in the middle, at the end; full; behind TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.authority import issue_certificates
from tests.disks import disk
from tests.jobs import Jobs
from tests.postgres import PostgresServer, run_server

_WAITS = """
import time
from pathlib import Path

def handler(project, run):
    print("begun", flush=True)
    run.log_metric("loss", 1.0)
    Path("begun").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    run.log_metric("loss", 0.5)
    print("ends", flush=True)
    return {"rows": 3}
"""
_SECRET = "s3cr3t-w0rd"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module, which its tests stop."""
    with run_server() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    """The URL of an empty database, with a password that must be seen nowhere."""
    return server.url(server.create_database()).replace("ovenbird@", f"ovenbird:{_SECRET}@")


@pytest.mark.slow
def test_a_database_that_is_down_at_the_start_is_waited_for(jobs: Jobs, server: PostgresServer, url: str) -> None:
    """Nothing is run, the status is 76, and the password is not in the message."""
    server.stop()
    try:
        finished = jobs.run(_WAITS, "--platform-patience", "1s", OVENBIRD_STORE=url)
    finally:
        server.start()
    assert finished.code == 76
    assert f"127.0.0.1:{server.port}" in finished.err
    assert "trying again" in finished.err
    assert _SECRET not in finished.err + finished.out
    assert not (jobs.folder / "begun").exists()


@pytest.mark.slow
def test_a_database_that_restarts_costs_a_run_nothing(jobs: Jobs, server: PostgresServer, url: str) -> None:
    """Metrics and log of the time without it are written when it is back."""
    _, wait = jobs.start(_WAITS, "--platform-patience", "60s", OVENBIRD_STORE=url)
    jobs.wait_until((jobs.folder / "begun").exists)
    server.stop()
    (jobs.folder / "go").touch()
    server.start()
    finished = wait()
    assert (finished.code, finished.result["state"]) == (0, "COMPLETED"), finished.err
    record = json.loads(jobs.run_verb("runs", "show", "latest", OVENBIRD_STORE=url))
    assert record["status"]["metrics"] == {"loss": [1.0, 0.5]}
    log = jobs.run_verb("runs", "logs", "latest", OVENBIRD_STORE=url)
    assert log.index("begun") < log.index("ends") < log.index('"state":"COMPLETED"')
    assert _SECRET not in json.dumps(record) + log + finished.err
    assert json.loads(jobs.run_verb("store", OVENBIRD_STORE=url))["projects"]["default"]["runs"] == 1


@pytest.mark.slow
def test_an_end_that_is_not_recorded_is_kept_on_disk(jobs: Jobs, server: PostgresServer, url: str) -> None:
    """The record, the log, the metrics and the files of outputs are where the message says; the status is 80."""
    source = _WAITS.replace('return {"rows": 3}', 'project.log_artifact("note", data=b"content")')
    _, wait = jobs.start(source, "--platform-patience", "1s", OVENBIRD_STORE=url)
    jobs.wait_until((jobs.folder / "begun").exists)
    server.stop()
    try:
        (jobs.folder / "go").touch()
        finished = wait()
    finally:
        server.start()
    assert finished.code == 80, finished.err
    (folder,) = (jobs.home / "unsent").iterdir()
    assert str(folder / "run.json") in finished.err
    record = json.loads((folder / "run.json").read_text())
    assert record["status"]["state"] == "ERROR"
    assert "ends\n" in (folder / "run.log").read_text()
    (metrics,) = json.loads((folder / "metrics.json").read_text()).values()
    assert metrics["loss"][-1] == 0.5  # the first number may have been written before
    (kept,) = (path for path in folder.rglob("*") if path.is_file() and path.parent != folder)
    assert kept.read_bytes() == b"content"
    assert str(kept) in finished.err
    assert finished.error["type"] == "platform.unrecorded"
    assert _SECRET not in finished.err + json.dumps(record)


@pytest.mark.slow
def test_a_database_that_is_full_says_so_at_once(jobs: Jobs) -> None:
    """No attempt is repeated: the hint says where room is missing."""
    with run_server() as server, disk(server.folder / "small", "16m") as folder:
        server.own(folder)
        name = server.create_database()
        server.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        server.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        (folder / "filler").write_bytes(b"x" * 5 * 1024**2)
        finished = jobs.run(
            "def handler(run):\n    run.spec.note = '\\n'.join(map(str, range(10**6)))\n    run.save(update=True)\n",
            OVENBIRD_STORE=server.url(name),
        )
        assert finished.code in (74, 76, 80)
        assert "disk of the database is full" in finished.err
        server.stop()


@pytest.mark.slow
def test_tls_and_passwords_are_checked(jobs: Jobs, tmp_path: Path) -> None:
    """A private authority's certificate is named by `sslrootcert`; else the error says what to do."""
    certificates = issue_certificates(tmp_path)
    with run_server() as server:
        server.use_certificate(certificates.certificate, certificates.key)
        server.execute(f"CREATE USER locked PASSWORD '{_SECRET}'")
        name = server.create_database()
        server.execute(f"GRANT CREATE ON DATABASE {name} TO locked")
        url = server.url(name, f"locked:{_SECRET}") + "?sslmode=verify-full"
        environ = {"HOME": str(tmp_path)}
        trusted = f"{url}&sslrootcert={certificates.authority}"
        assert jobs.run_verb("runs", "list", OVENBIRD_STORE=trusted, **environ).strip() == "[]"
        for store, words in (
            (url, ("sslrootcert=FILE",)),
            (trusted.replace(_SECRET, "wr0ng-w0rd"), ("password authentication failed", "check user and password")),
        ):
            process = jobs.start_ovenbird("runs", "list", OVENBIRD_STORE=store, **environ)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 76
            assert all(word in err for word in words), err
            assert _SECRET not in err
            assert "wr0ng" not in err
