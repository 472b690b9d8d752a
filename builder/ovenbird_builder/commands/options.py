"""The flags of `ovenbird build` and `bundle`, from the table of options; each is also a variable of the environment."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ovenbird.common.redact import redact_source
from ovenbird.common.text import show_value
from ovenbird.common.user_folders import expand_home
from ovenbird.errors import OvenbirdError

from ..request.build_options import TABLE, read_options

# what verbs with a table of flags of their own read from the environment too
_EVERYWHERE = frozenset(("allow_host", "ca_bundle", "cache_dir", "extra_index_url", "index_url", "registry"))


def add(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add a verb's target and flags to its parser."""
    parser.allow_abbrev = False
    parser.add_argument("target", nargs="*" if verb == "build" else "?", default="", metavar="TARGET",
                        help="function.yaml, a folder that holds one, FILE.py:handler, or pkg.mod:fn")  # fmt: skip
    for option in TABLE:
        if verb not in option.verbs:
            continue
        flags = ["-o", option.flag] if option.name == "out" else [option.flag]
        variable = ", ".join(filter(None, (option.variable, option.separators)))
        text = f"{option.doc} [{variable}]".replace("%", "%%")
        if option.switch:
            parser.add_argument(*flags, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            action = "append" if option.many else "store"
            parser.add_argument(*flags, action=action, metavar=option.metavar, help=text)


def list_targets(args: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    """Return the targets: those of the command line, else that of the variable, else the current folder."""
    words = [args.target] if isinstance(args.target, str) else list(args.target)
    names = [word for word in words if word] or [environ.get("OVENBIRD_TARGET", "") or "."]
    return [redact_source(word) for word in names]  # a URL is refused, after it has been logged and recorded


def find_path(args: argparse.Namespace, environ: Mapping[str, str], name: str) -> str:
    """Return the file that an option names, also where other options do not parse; empty without one."""
    value = getattr(args, name, None)
    text = str(environ.get("OVENBIRD_" + name.upper(), "") if value is None else value)
    return str(expand_home(text, environ)) if text.startswith("~") else text


def read_flags(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a call by name: the flag, else its variable, else nothing (empty text, (), False).

    Errors: BuildRequestError for a switch whose variable is neither true nor false.
    """
    return {"target": list_targets(args, environ)[0], **read_options(vars(args), environ)}


def name_variables(
    errors: Iterable[OvenbirdError | None], args: argparse.Namespace, environ: Mapping[str, str], verb: str
) -> None:
    """Let errors name the variable that holds the wrong value, where they name the flag that was not given."""
    for error in errors:
        if error:
            _name_variables(error, args, environ, verb)


def _name_variables(error: OvenbirdError, args: argparse.Namespace, environ: Mapping[str, str], verb: str) -> None:
    for option in TABLE:
        if option.flag not in error.message or (verb not in option.verbs and option.name not in _EVERYWHERE):
            continue
        variable = next((name for name in (option.variable, option.former_variable) if environ.get(name)), "")
        if variable and not getattr(args, option.name, None):
            _rewrite(error, re.sub(rf"(?<![\w-]){option.flag}(?![\w-])", variable, error.message))
    target = environ.get("OVENBIRD_TARGET", "")
    if target and not getattr(args, "target", None) and error.message.startswith(show_value(target)):
        _rewrite(error, f"OVENBIRD_TARGET: {error.message}")


def _rewrite(error: OvenbirdError, message: str) -> None:
    error.message, error.args = message, (message,)
