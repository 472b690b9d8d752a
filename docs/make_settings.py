"""Write docs/settings.md from the table in ovenbird/settings.py. `make docs` runs this; a test holds the page to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ovenbird import settings
from ovenbird.command_line.verb_help import format_default
from ovenbird.common.setting_values import boolean

_INTRO = """# Settings

Every setting is a flag and an environment variable.
A flag wins over the environment, the environment over the default.
A value that does not parse is an error with exit status 70, never the default.
Durations are seconds (`1.5`) or carry a unit (`500ms`, `2m`, `1h`); sizes are bytes or carry one (`500kB`, `4MiB`).
A switch such as `--debug` may stand alone, take `on` or `off`, or be turned around: `--no-debug`.
A variable that begins with `OVENBIRD_`, is none of these and is near to one is warned of.

`--env-file FILE` of `serve` and `run` reads variables from a file, settings among them.
One that the environment has too wins over the file's.
Each line is `NAME=VALUE`, as for `docker run --env-file`; lines that begin with `#` are comments.
A name alone stands for the variable of the environment.
Quotes are read as Docker Compose reads them; `docker run` would keep them.
`'...'` is taken as it is, `"..."` with `\\n`, `\\r`, `\\t`, `\\"` and `\\\\`; both may go over several lines.
Outside of quotes a value ends at ` #` and loses the blanks around it.
Nothing is put in for `$NAME`, as a password may hold one.

This page is made from `wrapper/ovenbird/settings.py` by `make docs`.

| flag | variable | default | verbs | meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    return _INTRO + "".join(_line(row) for row in settings.fields(settings.Settings))


def _line(row: settings.Option[Any]) -> str:
    meta = row.metadata
    metavar = "" if meta["parse"] is boolean else f" {meta['metavar']}".replace("|", "\\|")
    verbs = ", ".join(meta["verbs"])
    names = " ".join(f"`{name}`" for name in settings.variables(row))
    return f"| `{settings.flag(row)}{metavar}` | {names} | {_default(row)} | {verbs} | {meta['doc']} |\n"


def _default(row: settings.Option[Any]) -> str:
    text = format_default(row)
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
