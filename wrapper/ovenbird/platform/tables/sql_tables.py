"""Tables of a database, as the platform writes their paths: `sql://DATABASE/TABLE`, `sql://DATABASE/SCHEMA/TABLE`.

Through SQLAlchemy, with the platform's variables: DB_HOST, DB_PORT, DB_USERNAME, DB_PASSWORD, DB_DATABASE, DB_SCHEMA.
DB_PLATFORM names another database than PostgreSQL, in SQLAlchemy's words: `sqlite`, `mysql+pymysql`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...common.redact import redact_text, redact_url
from ...common.text import cut_text, show_value
from ...common.url_port import MAX_PORT, PORT_HINT
from ...errors import InputError

_PATIENCE = 30  # seconds for a connection
_DRIVERS = ("psycopg", "psycopg2")  # of PostgreSQL


class SqlTablePath(NamedTuple):
    """What a path names; `schema` is empty where it names none."""

    database: str
    schema: str
    table: str


def parse_path(url: str) -> SqlTablePath:
    """Return the parts of a `sql://` path. Errors: InputError."""
    parts = url.partition("://")[2].split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(
            f"{redact_url(url)} has no table", hint="`sql://DATABASE/TABLE` or `sql://DATABASE/SCHEMA/TABLE`"
        )
    return SqlTablePath(parts[0], parts[1] if len(parts) == 3 else "", parts[-1])


def make_connection_url(address: SqlTablePath, environ: Mapping[str, str]) -> Any:
    """Return SQLAlchemy's URL of the database. Errors: InputError when a package or a variable is missing."""
    try:
        from sqlalchemy import URL
    except ImportError:
        from ...common.install_hint import format_install_command

        raise InputError(
            "tables of a database need the package `sqlalchemy`, which is not installed",
            hint=f"{format_install_command('tables')}, and a driver: 'psycopg[binary]' for PostgreSQL",
        ) from None
    platform = (environ.get("DB_PLATFORM") or "postgresql").lower()
    host, port = environ.get("DB_HOST"), environ.get("DB_PORT") or ""
    if platform in ("postgresql", "postgres"):  # without a driver, as the platform says it
        driver = next((name for name in _DRIVERS if importlib.util.find_spec(name)), "")
        if not driver:
            raise InputError("PostgreSQL needs the package `psycopg`", hint="`pip install 'psycopg[binary]'`")
        if not host:
            hint = "`DB_HOST`, `DB_PORT`, `DB_USERNAME`, `DB_PASSWORD` and `DB_DATABASE` say where the database is"
            raise InputError("`DB_HOST` is not set", hint=hint)
        platform = f"postgresql+{driver}"
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:9]) <= MAX_PORT):
        raise InputError("`DB_PORT` is not a port", hint=PORT_HINT)
    return URL.create(
        platform,
        environ.get("DB_USERNAME") or environ.get("DB_USER") or None,
        environ.get("DB_PASSWORD") or None,
        host or None,
        int(port) if port else None,
        environ.get("DB_DATABASE") or address.database,
    )


def read_sql(url: str, environ: Mapping[str, str], engine: str, query: str | None = None, **options: Any) -> Any:
    """Return a table, or what a `query` gives, as a DataFrame of `engine`; `options` go to its reader of queries.

    Errors: InputError, which names the path and what the database said, and never the password.
    """
    address = parse_path(url)
    target = make_connection_url(address, environ)
    import sqlalchemy

    postgres = target.get_backend_name() == "postgresql"
    schema = address.schema or environ.get("DB_SCHEMA") or ("public" if postgres else None)
    arguments = {"connect_timeout": _PATIENCE} if postgres else {}
    try:
        database = sqlalchemy.create_engine(target, connect_args=arguments, poolclass=sqlalchemy.NullPool)
        with database.connect() as connection:
            if query is not None:
                return _make_query(engine, sqlalchemy.text(query), connection, options)
            try:
                table = sqlalchemy.Table(address.table, sqlalchemy.MetaData(), autoload_with=connection, schema=schema)
            except sqlalchemy.exc.NoSuchTableError:
                names = sqlalchemy.inspect(connection).get_table_names(schema)
                hint = f"there are: {', '.join(names[:20])}" if names else "there is no table at all"
                raise InputError(f"{url}: no table {show_value(address.table)}", hint=hint) from None
            return _make_query(engine, sqlalchemy.select(table), connection, options)
    except InputError:
        raise
    except Exception as error:  # of SQLAlchemy, the driver, or the engine's reader
        raise InputError(
            f"{redact_url(url)} cannot be read: {_describe_reason(error)}", hint="`DB_HOST` and its like"
        ) from None


def _make_query(engine: str, query: Any, connection: Any, options: Mapping[str, Any]) -> Any:
    module = importlib.import_module(engine)
    reader = module.read_database if engine == "polars" else module.read_sql_query
    return reader(query, connection, **options)


def _describe_reason(error: Exception) -> str:
    """Return the first line of what went wrong, without SQLAlchemy's repetition of the statement."""
    cause = getattr(error, "orig", None) or error
    return cut_text(redact_text(f"{type(cause).__name__}: {(str(cause).strip().splitlines() or [''])[0]}"), 300)
