"""Sources: detect the form, fetch it, settle it into a Tree. One module per form."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from msgspec.structs import replace

from ovenbird.common.redact import redact_source
from ovenbird.common.source_limits import read_limits
from ovenbird.common.text import show_value
from ovenbird.common.units import show_size
from ovenbird.errors import GitRefNotFoundError, SourceUrlError, UnsafeSourceUrlError
from ovenbird.function_document import FunctionSpec

from ..errors import BuildRequestError, SourceError, SourceMissingError, SourceUnreachableError, UnsafeSourceError
from ..host.disk import is_disk_full
from ..host.network import NetworkSettings
from . import collect_files, tree_digest
from .build_products import list_streams
from .checkout import read_revision
from .collect_files import DOCUMENT_REASON
from .fetcher import FetchedSource, FetchRequest
from .permissions import describe_permissions
from .selection import FileSelector, select_files, suggest_rule
from .tree import SourceTree
from .unmatched import list_unmatched

__all__ = ["SourceTree", "detect_form", "fetch"]

_FORMS = {
    "git+https": "git", "git+http": "git", "git+ssh": "git", "git+file": "git",
    "https": "http", "http": "http", "zip+https": "http", "zip+http": "http",
    "s3": "s3", "zip+s3": "s3",
}  # fmt: skip
_LARGE = 10 * 1024 * 1024  # bytes
_NAMED = 5
_KINDS: dict[type[SourceUrlError], type[SourceError]] = {
    UnsafeSourceUrlError: UnsafeSourceError, GitRefNotFoundError: SourceMissingError,
}  # fmt: skip


def detect_form(function: FunctionSpec) -> str:
    """Return the form of a function's source: `inline`, `local`, `git`, `http` or `s3`. Errors: SourceError."""
    if function.code is not None:
        return "inline"
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(//|:)", function.source)
    if not match:
        return "local"
    scheme = match[1]
    if match[2] == "//" and scheme in _FORMS:
        return _FORMS[scheme]
    suggestion = f"git+{scheme}" if f"git+{scheme}" in _FORMS else ""
    raise SourceError(
        f"spec.source.source: the form {show_value(scheme + ':' + match[2])} of"
        f" {show_value(redact_source(function.source))} is not known",
        hint=f"did you mean `{suggestion}://`?"
        if suggestion
        else "one of " + ", ".join(f"`{name}://`" for name in _FORMS),
    )


def fetch(
    function: FunctionSpec,
    into: Path,
    *,
    environ: Mapping[str, str],
    network: NetworkSettings,
    timeout: float = 600.0,
    leave_out: Path | None = None,
    products: tuple[Path, ...] = (),
    versions: bool = False,
    offline: bool = False,
) -> SourceTree:
    """Fetch a function's source into the folder `into`, which is absent or empty, and stays so after a failure.

    `timeout` is in seconds, for all of it. `environ` brings credentials and limits. `leave_out` is a file that is not
    taken along: the function document, which has its own place in an image and would change the source's digest when
    the name of that image is written into it. `products` are files and folders that this build reads or writes
    itself, such as its outputs and its credentials: none of them is taken along. With `versions` the checkout of a
    repository gets the files that tell a build its version, which it would read from the tags. With `offline` a source
    of another machine is an error.
    Errors: SourceError and its subclasses; BuildRequestError for a limit that does not parse.
    """
    found_form = detect_form(function)
    if offline and found_form not in ("local", "inline") and not function.source.startswith("git+file:"):
        raise SourceUnreachableError(
            f"the source {show_value(redact_source(function.source))} is not on this machine, and `--offline` fetches"
            " nothing",
            hint="`ovenbird bundle` packs it where there is a network",
        )
    if into.is_dir() and any(into.iterdir()):
        raise SourceError(f"cannot fetch into {show_value(str(into))}: it is not empty")
    with _make_staging(into) as stage:
        work, final = stage / "work", stage / "tree"
        work.mkdir()
        final.mkdir()
        deadline = time.monotonic() + timeout
        order = FetchRequest(
            function, work, environ, network, read_limits(environ, BuildRequestError), deadline, timeout, versions,
            offline,
        )  # fmt: skip
        fetched = _fetch_form(found_form, order)
        tree = _settle_tree(fetched, order, final, stage, leave_out, products)
        final.chmod(0o755)
        final.replace(into)
        return replace(tree, path=into)


def _fetch_form(form: str, order: FetchRequest) -> FetchedSource:
    """Fetch by the module of a form. Errors: SourceError, also for a malformed URL."""
    try:
        fetched: FetchedSource = import_module(f".{form}", __name__).fetch(order)
    except SourceUrlError as error:
        raise _KINDS.get(type(error), SourceError)(error.message, hint=error.hint) from None
    return fetched


def _derive_module_path(function: FunctionSpec) -> str:
    """Return the path of the file of the handler's module, if that is no package."""
    module = function.handler.rpartition(":")[0] or function.default_module
    return module.replace(".", "/") + ".py"


def _settle_tree(
    fetched: FetchedSource,
    order: FetchRequest,
    final: Path,
    stage: Path,
    leave_out: Path | None,
    products: tuple[Path, ...],
) -> SourceTree:
    origin = fetched.origin or fetched.uri
    function = order.function
    selector = (
        FileSelector() if fetched.is_temporary and fetched.file else FileSelector.of(function.include, function.exclude)
    )
    selection = select_files(fetched.folder, fetched.ignore, selector, fetched.tracked)
    skip = dict.fromkeys(_list_below(fetched.folder, (stage,)), "a draft of this build")
    skip |= dict.fromkeys(
        _list_below(fetched.folder, (*products, *list_streams())), "what this build reads or writes by itself"
    )
    skip |= dict.fromkeys(_list_below(fetched.folder, (leave_out,) if leave_out else ()), DOCUMENT_REASON)
    choice = collect_files.choose_entries(fetched.folder, selection, origin, order.limits, skip)
    path = fetched.file or _derive_module_path(function)
    if (fetched.folder / path).is_file():
        _refuse_left_out_module(path, choice, origin)
    collect_files.place_entries(choice.entries, fetched.folder, final, origin, move=fetched.is_temporary)
    rows = tree_digest.list_rows(final)
    revision, no_commit = fetched.revision, ""
    if not fetched.is_temporary:
        paths = [entry.path for entry in choice.entries]
        revision, no_commit = read_revision(fetched.folder, paths, order.environ, lambda: order.check_deadline(origin))
    notes = (
        *fetched.warnings,
        *((no_commit,) if no_commit else ()),
        *_warn_untracked(fetched, choice),
        *_warn_large_files(rows, selector),
        *list_unmatched(selection, [row.name for row in rows], choice.left_out),
    )
    digest = tree_digest.hash_rows(rows)
    return SourceTree(
        final, fetched.uri, revision, digest, fetched.epoch, fetched.file, notes, rows, choice.left_out
    )  # fmt: skip


def _refuse_left_out_module(path: str, choice: collect_files.Choice, origin: str) -> None:
    """Refuse a source without the function itself, at `path`, where some rule leaves it out."""
    for left_out, why in choice.left_out.items():
        if left_out == path or (left_out.endswith("/") and path.startswith(left_out)):
            raise SourceMissingError(
                f"{origin}: {show_value(path)} is left out: {why}",
                hint=suggest_rule([why]),
            )


def _warn_untracked(fetched: FetchedSource, choice: collect_files.Choice) -> tuple[str, ...]:
    if not fetched.tracked_problem or not any(why.endswith(".gitignore") for why in choice.left_out.values()):
        return ()
    return (
        "git could not say which of the files that `.gitignore` names it tracks, so none is packed:"
        f" {fetched.tracked_problem}",
    )


def _warn_large_files(rows: Sequence[tree_digest.FileRow], selector: FileSelector) -> tuple[str, ...]:
    """Return a warning that names unusually large files, except those that the document includes by name."""
    large = [row for row in rows if row.size > _LARGE and not selector.names(row.name)]
    if not large:
        return ()
    large.sort(key=lambda row: -row.size)
    names = ", ".join(f"{show_value(row.name)} ({show_size(row.size)})" for row in large[:_NAMED])
    more = f" and {len(large) - _NAMED} more" if len(large) > _NAMED else ""
    return (
        f"the source has files over {show_size(_LARGE)}: {names}{more}; `.ovenbirdignore` leaves out what the"
        " function does not need, `spec.source.include` names what it does",
    )


def _list_below(folder: Path, paths: Sequence[Path]) -> frozenset[str]:
    """Return those of `paths` that lie below `folder`, relative to it; links above either are followed."""
    root = folder.resolve()
    candidates = (path.absolute().parent.resolve() / path.name for path in paths)
    return frozenset(str(candidate.relative_to(root)) for candidate in candidates if root in candidate.parents)


@contextmanager
def _make_staging(into: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `into`, and remove it at the end. Errors of the disk become a SourceError."""
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".ovenbird-source-", dir=into.parent.resolve()))
    except OSError as error:
        raise SourceError(f"cannot write below {show_value(str(into.parent))}: {error.strerror}") from None
    try:
        yield stage
    except OSError as error:
        raise _translate_os_error(error, into) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _translate_os_error(error: OSError, into: Path) -> SourceError:
    if is_disk_full(error):
        return SourceError(f"the disk of {show_value(str(into.parent))} is full", hint="nothing was kept")
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(into)
    why = error.strerror or str(error)
    if error.errno not in (errno.EACCES, errno.EPERM):
        return SourceError(f"cannot read or write {show_value(name)}: {why}")
    return SourceError(
        f"cannot read or write {show_value(name)}: {why} ({describe_permissions(Path(name))})",
        hint=f"`chmod u+rX {shlex.quote(name)}`, or leave it out with `.ovenbirdignore`",
    )
