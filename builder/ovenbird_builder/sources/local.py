"""A source of this machine: a folder, a file (its folder is the root, as in `serve`), or an archive."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ovenbird.common.archive_names import is_archive_name
from ovenbird.common.did_you_mean import did_you_mean
from ovenbird.common.hashing import digest_file
from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import ProgramMissingError, SourceMissingError
from ..host.process import ProcessFailedError, run
from . import symlinks
from .fetcher import FetchedSource, FetchRequest

IGNORE = (".gitignore", ".ovenbirdignore")  # the later one wins
_LIST_TRACKED = (
    "git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard",
)  # fmt: skip
URI = "local"  # an image must not depend on the path of its source, nor reveal it


def fetch(order: FetchRequest) -> FetchedSource:
    """Return the folder of the source. Errors: SourceMissingError if it does not exist."""
    path = _resolve_path(order.function)
    origin = str(path)
    root = order.function.source_root
    if path.is_dir():
        return _fetch_folder(root or path, "", origin, order)
    if not path.is_file():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SourceMissingError(
            f"the source {show_value(origin)} does not exist"
            if not path.exists()
            else f"{show_value(origin)} is neither file nor folder",
            hint=did_you_mean(path.name, siblings),
        )
    if _is_archive(path):
        from .archive import unpack

        folder = unpack(path, order.work, origin, order.limits, order.function, name=path.name)
        return FetchedSource(folder, URI, digest_file(path), origin=origin)
    root = root or path.parent
    return _fetch_folder(root, path.relative_to(root).as_posix(), origin, order)


def _is_archive(path: Path) -> bool:
    if path.suffix == ".py":
        return False
    if is_archive_name(path.name):
        return True
    from ovenbird.common.archive_extract import is_archive

    return is_archive(path)


def _resolve_path(function: FunctionSpec) -> Path:
    """Return the path of a source. A link to a file is not followed: what counts is the folder that it lies in.

    Errors: UnsafeSourceError for a link that leads out of the folder of the document, or of the source's root.
    """
    path = function.local_source
    if path is None:
        return function.root
    root = (function.source_root or function.root).resolve()
    written = Path(os.path.normpath(function.root.resolve() / function.source))
    is_code = path.is_dir() or path.suffix == ".py" or written.suffix == ".py"
    if not is_code or not os.path.lexists(written):
        return path
    if root in written.parents:
        symlinks.check_link(root, written.relative_to(root).as_posix(), str(root))
    elif not path.is_dir():  # a folder elsewhere was named by hand
        symlinks.check_link(written.parent, written.name, str(written.parent))
    return written.parent.resolve() / written.name if path.is_file() else path


def _fetch_folder(folder: Path, file: str, origin: str, order: FetchRequest) -> FetchedSource:
    tracked, problem = _list_tracked(folder, order)
    return FetchedSource(
        folder, URI, file=file, is_temporary=False, ignore=IGNORE, tracked=tracked, tracked_problem=problem,
        origin=origin,
    )  # fmt: skip


def _list_tracked(folder: Path, order: FetchRequest) -> tuple[frozenset[str], str]:
    """Return the files that git tracks although its rules ignore them: a commit has them, so a folder has.

    The second value says why git could not list them; it is empty when it could. A folder that lies in no repository
    has none.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return frozenset(), ""
    if not shutil.which("git", path=order.environ.get("PATH")):
        return frozenset(), "the program 'git' is not installed"
    env = {name: value for name, value in order.environ.items() if not name.startswith("GIT_")}
    try:
        result = run(
            _LIST_TRACKED, env={**env, "LC_ALL": "C"}, cwd=folder, timeout=min(60.0, order.check_deadline(str(folder)))
        )
    except (ProcessFailedError, ProgramMissingError) as error:
        return frozenset(), error.message
    return frozenset(path for path in result.stdout.split("\0") if path), ""
