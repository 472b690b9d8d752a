"""`ovenbird store migrate` and `ovenbird store upgrade`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import PlatformError, SettingsError
from .output import print_json

if TYPE_CHECKING:
    from ...platform.postgres.database_url import DatabaseUrl
    from ...platform.store_copy import CopiedStore

_PATIENCE = 30.0  # seconds of attempts while a database does not answer
_REPORTED = 500  # entities from one line of progress to the next
_PLACE = "a folder, `env:OVENBIRD_STORE` (any variable with a URL), or postgresql://... without a password"


def add(parser: argparse.ArgumentParser) -> None:
    """Add both verbs below `ovenbird store`, which does without."""
    verbs = parser.add_subparsers(metavar="VERB")
    text = "copy all records, metrics and logs to another store; what is there already is left alone"
    migrate = verbs.add_parser("migrate", help=text, description=f"{text[0].upper()}{text[1:]}.")
    migrate.add_argument("source", metavar="FROM", help=_PLACE)
    migrate.add_argument("target", metavar="TO", help="the same")
    migrate.set_defaults(do_without_store=run_migrate)
    text = "bring the tables of the database of OVENBIRD_STORE up to date"
    upgrade = verbs.add_parser("upgrade", help=text, description=f"{text[0].upper()}{text[1:]}.")
    upgrade.add_argument("--json", action="store_true", help="print both versions as JSON")
    upgrade.set_defaults(do_without_store=run_upgrade)


def run_migrate(options: argparse.Namespace) -> int:
    """Copy one store into another, and print how much was copied; return the exit status."""
    from ...platform.store_copy import copy_store

    source = _open(options.source, "FROM", os.environ, is_source=True)
    try:
        target = _open(options.target, "TO", os.environ, is_source=False)
        try:
            if source.location() == target.location():
                raise SettingsError(f"FROM and TO are the same store: {source.location()}")
            result = copy_store(source, target, _report)
        finally:
            target.close()
    finally:
        source.close()
    print(f"{result.copied} copied, {result.present} were there already, {result.running} are runs that go on")
    print("files stay where they are, and values of secrets are not copied", file=sys.stderr)
    if result.running:
        raise PlatformError(
            f"{result.running} runs go on, and are not copied", hint="run it again when they have ended"
        )
    return 0


def run_upgrade(options: argparse.Namespace) -> int:
    """Apply the migrations that the database lacks; return the exit status."""
    from ...platform.postgres.database import upgrade_database
    from ...platform.postgres.database_url import parse_database_url

    url = parse_database_url(os.environ.get("OVENBIRD_STORE", ""), "OVENBIRD_STORE")
    before, after = upgrade_database(url, _PATIENCE)
    if options.json:
        print_json({"location": url.address, "before": before, "after": after})
        return 0
    print(f"{url.address}: version {before} became {after}" if before != after else f"{url.address}: version {after}")
    return 0


def _open(place: str, label: str, environ: Mapping[str, str], *, is_source: bool) -> Any:
    """Return the store at a place, as one that can be copied. Errors: SettingsError, PlatformError."""
    store: CopiedStore
    if url := _find_url(place, label, environ):
        from ...platform.postgres.copied_database import CopiedDatabase

        store = CopiedDatabase(url, _PATIENCE)
        store.list_owned()  # whether it can be used
        return store
    from ...platform.local.copied_folder import CopiedFolder

    if is_source and not Path(place, "ovenbird.db").is_file():
        raise SettingsError(f"{label}: no store in the folder {place}: it has no `ovenbird.db`", hint=_PLACE)
    return CopiedFolder(Path(place))


def _find_url(place: str, label: str, environ: Mapping[str, str]) -> DatabaseUrl | None:
    from ...platform.postgres.database_url import is_database_url, parse_database_url

    if place.startswith("env:"):
        name = place.removeprefix("env:")
        return parse_database_url(environ.get(name, ""), f"{label}: the variable {name}")
    if not is_database_url(place):
        return None
    url = parse_database_url(place, label)
    if url.password:
        raise SettingsError(
            f"{label}: the password of a URL in an argument can be seen by every process of this machine",
            hint="`env:OVENBIRD_STORE` takes the URL of a variable; PGPASSWORD and ~/.pgpass hold passwords too",
        )
    return url


def _report(copied: int) -> None:
    if copied % _REPORTED == 0:
        print(f"{copied} copied", file=sys.stderr)
