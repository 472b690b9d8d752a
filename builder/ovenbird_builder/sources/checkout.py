"""The commit of a working folder, and whether what is packed of it is what that commit holds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ovenbird.common.text import show_value

from ..errors import ProgramMissingError
from ..host.process import ProcessFailedError, run

CHANGED = "-dirty"  # behind the commit, as buildx writes it
_LIMIT = 60.0  # seconds
_ARGV = (
    "git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status", "--porcelain=v2", "--branch", "-z",
    "--untracked-files=all", "--ignored=matching", "--no-renames", "--", ".",
)  # fmt: skip


def read_revision(
    folder: Path, packed: Collection[str], environ: Mapping[str, str], remaining: Callable[[], float]
) -> tuple[str, str]:
    """Return the commit of a working folder, and a warning where it has one that git does not say.

    `packed` are the paths below the folder that are taken along: the commit ends in `-dirty` where one of them is new
    or changed, or where a file of the commit is gone. `left` returns how many seconds are left. Both are empty for a
    folder that lies in no repository, and for a repository without a commit.
    """
    folder = folder.resolve()
    top = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
    if top is None:
        return "", ""
    why = "the program 'git' is not installed"
    if shutil.which("git", path=environ.get("PATH")):
        env = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
        env |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}  # the user's index is not written
        try:
            text = run(_ARGV, env=env, cwd=folder, timeout=min(_LIMIT, remaining())).stdout
            prefix = "".join(f"{part}/" for part in folder.relative_to(top).parts)
            return _parse_status(text.split("\0"), prefix, frozenset(packed)), ""
        except (ProcessFailedError, ProgramMissingError) as error:
            why = error.message
    return "", f"the image has no commit of {show_value(str(folder))}: {why}"


def _parse_status(rows: list[str], prefix: str, packed: frozenset[str]) -> str:
    commit, changed = "", False
    for row in rows:
        kind = row[:1]
        if row.startswith("# branch.oid "):
            commit = row.split(" ")[2]
        elif kind in ("?", "!"):
            path = row[2:]
            all_of_it = path.endswith("/") and prefix.startswith(path)  # the folder itself lies in one that is ignored
            changed = changed or all_of_it or _is_packed(path.removeprefix(prefix), packed)
        elif kind in ("1", "u"):  # fields of known number, then the path
            status, path = row[2:4], row.split(" ", 8 if kind == "1" else 10)[-1].removeprefix(prefix)
            # a path may be that of a submodule, which is a folder here
            changed = changed or "D" in status or _is_packed(path, packed) or _is_packed(f"{path}/", packed)
    if not commit or commit == "(initial)":
        return ""
    return commit + CHANGED * changed


def _is_packed(path: str, packed: frozenset[str]) -> bool:
    """Return whether a file, or anything in a folder (whose path ends in a slash), is taken along."""
    return path in packed or (path.endswith("/") and any(name.startswith(path) for name in packed))
