"""A real PostgreSQL, of Debian's package: started as an unprivileged user in a folder of its own, on a free port."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.postgres import schema
from ovenbird.platform.postgres.database_url import parse_database_url
from ovenbird.platform.postgres.store import PostgresStore

_PATIENCE = 60.0  # seconds; a start takes one
SHARED = "shared"
# nothing here has to survive a power cut; a test may leave connections behind
_CONFIGURATION = """
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
shared_buffers = 16MB
max_connections = 60
autovacuum = off
jit = off
listen_addresses = '127.0.0.1'
"""
_ACCESS = """
local all all trust
hostssl all locked 127.0.0.1/32 scram-sha-256
host all locked 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


class PostgresServer:
    """A server with databases that are made for tests. The user `locked` needs the password of `url`."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        self.port = _find_free_port()
        self._names = (f"test_{number}" for number in itertools.count())
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _find_account()
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        self.own(data)
        self._run(
            "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username=ovenbird", "-D", data
        )
        (data / "postgresql.conf").write_text(
            f"{_CONFIGURATION}port = {self.port}\nunix_socket_directories = '{data}'\n{settings}"
        )
        (data / "pg_hba.conf").write_text(_ACCESS)
        self.start()

    def url(self, name: str = "postgres", user: str = "ovenbird") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_find_program("postgres"), "-D", self.folder / "data"], stdout=subprocess.DEVNULL, stderr=log,
                cwd=self.folder, **self._as_user(),
            )  # fmt: skip
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise AssertionError((self.folder / "server.log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, and cut all connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_PATIENCE)
            self._process = None

    def execute(self, statement: str, name: str = "postgres") -> list[Any]:
        """Run one statement in a database, and return its rows."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self) -> str:
        """Return the name of a new database, which is empty."""
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
        return name

    def clear(self, name: str) -> None:
        """Cut all connections to a database, and empty the tables of a store in it."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.execute("DELETE FROM ovenbird.entity", name)

    def own(self, path: Path) -> None:
        """Give a file or folder to the user that the server runs as."""
        if self._account:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def use_certificate(self, certificate: Path, key: Path) -> None:
        """Answer TLS from now on, with copies of these files."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copyfile(source, self.folder / "data" / name)
            (self.folder / "data" / name).chmod(0o600)
            self.own(self.folder / "data" / name)
        self.execute("ALTER SYSTEM SET ssl = on")
        self.execute("SELECT pg_reload_conf()")

    def _run(self, program: str, *words: str | Path) -> None:
        subprocess.run(
            [_find_program(program), *words], check=True, capture_output=True, cwd=self.folder, **self._as_user()
        )

    def _as_user(self) -> dict[str, Any]:
        account = self._account
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


@contextmanager
def run_server(settings: str = "") -> Iterator[PostgresServer]:
    """Yield a server of its own, which a test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="ovenbird-pg-"))
    server = None
    try:
        server = PostgresServer(folder, settings)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that the tests of this process share. It has a database with the tables of a store."""
    with run_server() as server:
        server.execute(f"CREATE DATABASE {SHARED}")
        with psycopg.connect(server.url(SHARED), autocommit=True) as connection:
            schema.migrate(connection, schema.MIGRATIONS)
        yield server


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database with the empty tables of a store, emptied afterwards: to copy a template takes longer."""
    yield postgres_server.url(SHARED)
    postgres_server.clear(SHARED)


def make_store(request: pytest.FixtureRequest, folder: Path) -> LocalStore | PostgresStore:
    """Return the store that a parameter names, `local` or `postgres`; it is empty."""
    if request.param == "local":
        return LocalStore(folder / "home")
    return open_database(request.getfixturevalue("database_url"), folder / "home")


def open_database(url: str, home: Path, **options: Any) -> PostgresStore:
    """Return the store in a database, which gives up soon."""
    return PostgresStore(parse_database_url(url, "the test"), home, **{"patience": 5.0, **options})


def _find_account() -> pwd.struct_passwd | None:
    """Return an unprivileged user to start the server as, for root; None for any other user."""
    if os.getuid():
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _find_program(name: str) -> str:
    """Return a program of the newest PostgreSQL that is installed; Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name) or name


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
