"""Names of data sets, by the naming rules of OpenLineage: a namespace for the storage, a name in it.

Spec: https://openlineage.io/docs/spec/naming
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..common.redact import redact_record
from ..errors import InputError
from ..platform.storage import schemes
from .reported_run import Record

_DATABASES = {  # SQLAlchemy's name: the namespace's scheme, the port, the schema where none is named
    "postgresql": ("postgres", "5432", "public"),
    "postgres": ("postgres", "5432", "public"),
    "mysql": ("mysql", "3306", ""),
    "mariadb": ("mysql", "3306", ""),
    "mssql": ("mssql", "1433", "dbo"),
    "oracle": ("oracle", "1521", ""),
    "redshift": ("redshift", "5439", "public"),
    "cockroachdb": ("postgres", "26257", "public"),
}


class DatasetName(NamedTuple):
    """The identity of a data set."""

    namespace: str
    name: str


def name_record(record: Record, environ: Mapping[str, str]) -> DatasetName | None:
    """Return the name of an entity's data; None where it has no path.

    What Ovenbird has stored is named by the folder of all its versions: the id of one is the version of the data set.
    """
    path = str(record["spec"].get("path") or "")
    if not path:
        return None
    folder = f"/{record['project']}/{record['type']}/{record['name']}"
    before, versioned, _ = path.partition(f"{folder}/{record['id']}/")
    return name_location(before + folder if versioned else path, environ)


def name_location(location: str, environ: Mapping[str, str]) -> DatasetName:
    """Return the name of a path or a URL. What is secret in a URL is left out."""
    scheme, colon, _ = location.partition("://")
    scheme = scheme.lower().removeprefix("zip+") if colon else ""
    if scheme in ("", "file"):
        try:
            return DatasetName("file", os.path.abspath(schemes.get_local_path(location)))  # noqa: PTH100  # resolves no link
        except InputError:  # an address without a path
            return DatasetName("file", location)
    parts = urlsplit(schemes.strip_zip(redact_record(location)))
    path = unquote(parts.path).strip("/") or "/"
    if scheme in ("s3", "s3a", "s3n"):
        return DatasetName(f"s3://{parts.netloc}", path)
    if scheme == "az":
        return DatasetName(_name_container(parts.netloc, environ), path)
    if scheme == schemes.SQL:
        return _name_table(location, environ)
    return DatasetName(f"{scheme}://{parts.netloc}", f"{path}?{parts.query}" if parts.query else path)


def _name_container(container: str, environ: Mapping[str, str]) -> str:
    """Return the namespace of a container of Azure; it has the account where a variable names that."""
    account = environ.get("AZURE_STORAGE_ACCOUNT_NAME") or environ.get("AZURE_STORAGE_ACCOUNT")
    return f"abfss://{container}@{account}.dfs.core.windows.net" if account else f"az://{container}"


def _name_table(location: str, environ: Mapping[str, str]) -> DatasetName:
    """Return the name of a table of the database that the variables `DB_…` lead to."""
    database, *schema, table = location.partition("://")[2].split("/")
    backend = (environ.get("DB_PLATFORM") or "postgresql").lower().partition("+")[0]
    database = environ.get("DB_DATABASE") or database
    if backend == "sqlite":
        return DatasetName("file", f"{os.path.abspath(database)}.{table}")  # noqa: PTH100
    scheme, port, default = _DATABASES.get(backend, (backend, "", ""))
    host = f"{environ.get('DB_HOST') or 'localhost'}:{environ.get('DB_PORT') or port}".rstrip(":")
    named = next(iter(schema), "") or environ.get("DB_SCHEMA") or default
    return DatasetName(f"{scheme}://{host}", ".".join(part for part in (database, named, table) if part))
