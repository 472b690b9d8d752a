"""`ovenbird --help`: every verb of this installation, grouped by purpose."""

from __future__ import annotations

import re
from importlib import metadata

from ...common.install_hint import format_install_command
from .verb_parsers import describe_verbs, is_brought

_GROUPS = {
    "a function on this machine": "init check run serve invoke",
    "what runs have made": "ui runs dataitems artifacts models functions lineage store",
    "images": "build lock bundle inspect sbom rebase base cache",
    "a cluster and the platform": "manifests health processor",
    "this command": "completion",
}
_FURTHER = "further verbs"
_FLAGS = """
Every verb has a --help of its own, with its flags, their defaults and two examples: `ovenbird run --help`.
Each flag is also a variable: --log-level is OVENBIRD_LOG_LEVEL. `ovenbird --version` prints the version.

examples:
  ovenbird init greeter && cd greeter
  ovenbird serve --reload
"""


def describe_command() -> str:
    """Return the help of the command itself."""
    verbs = describe_verbs()
    grouped = {title: [verb for verb in names.split() if verb in verbs] for title, names in _GROUPS.items()}
    rest = [verb for verb in sorted(verbs) if not any(verb in names for names in grouped.values())]
    lines = ["usage: ovenbird VERB [TARGET] [flags]", "", "Turn a Python function into something that runs."]
    width = max(map(len, verbs)) + 2
    for title, names in (*grouped.items(), (_FURTHER, rest)):
        if names:
            lines += ["", f"{title}:", *(f"  {verb:{width}}{verbs[verb]}" for verb in names)]
        lines += _describe_missing([verb for verb in names if is_brought(verb)])
    return "\n".join(lines) + "\n" + _FLAGS


def _describe_missing(verbs: list[str]) -> list[str]:
    """Return a line for each extra that these verbs need and that is not whole here."""
    lines = []
    for extra in ("build", "ui"):
        needing = [verb for verb in verbs if (verb == "ui") == (extra == "ui")]
        if needing and find_missing(extra):
            lines.append(f"  ({', '.join(needing)}: after {format_install_command(extra)})")
    return lines


def find_missing(extra: str) -> list[str]:
    """Return the packages of an extra that are not installed here."""
    try:
        requires = metadata.requires("ovenbird") or []
    except metadata.PackageNotFoundError:
        return []
    names = [
        re.split(r"[^\w.-]", line, maxsplit=1)[0]
        for line in requires
        if re.search(rf"extra == ['\"]{extra}['\"]", line)
    ]
    missing = []
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return missing
