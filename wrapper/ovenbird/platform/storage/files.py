"""Storage by URL: outputs to a local folder, `s3://`, `gs://` or `az://`; inputs from these and from `http(s)://`.

Files are streamed, appear whole or not at all, and an error names what was stored and what was not. No message holds
the password or the query of a URL.
"""

from __future__ import annotations

import errno
import mimetypes
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.hashing import checksum_file
from ...common.named_paths import describe_broken_link, exists, is_folder
from ...common.redact import redact_url
from ...common.text import show_value
from ...common.user_warnings import warn_user
from ...errors import InputError, OutputError, OvenbirdError
from ..store import format_timestamp
from . import file_copy, progress
from .recorded_files import check_inside, check_member, check_names, folder_of
from .schemes import OBJECTS, SQL, WEB, get_local_path, get_scheme, is_folder_url, strip_zip
from .transfer_limit import TransferLimit
from .tree_walk import Identity, describe_special, walk_tree

if TYPE_CHECKING:
    from ...common.http_download import DownloadResponse

# MD5 runs at about a quarter of what a local disk copies, so a larger local copy is hashed when its digest is first
# asked for (`add_digest`): the store's copy does not change in between.
HASHED_AT_ONCE = 64 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, a quota or a file system that takes no more
Info = dict[str, Any]
"""One of `status.files`: `{path, name, content_type, size, hash, last_modified}`; `path` is below the entity's."""


def upload(
    sources: Sequence[Path], target: str, environ: Mapping[str, str], skip: Collection[Identity] = ()
) -> list[Info]:
    """Store files and folders below `target`, which ends in `/`, or one file as `target`. Return the entries for
    `status.files`.

    Folders in `skip` are left out of a folder that holds them. A warning names what else a folder holds and no store
    can: links that lead nowhere, devices, FIFOs, sockets. OutputError names what was stored before the fault and what
    was not.
    """
    if get_scheme(target) in WEB:
        raise OutputError(
            f"{redact_url(target)}: files cannot be stored over HTTP", hint="a local folder, s3, gs or az"
        )
    if get_scheme(target) == SQL:
        raise OutputError(f"{redact_url(target)}: files cannot be stored in a database", hint="a folder, s3, gs or az")
    plan = _plan_upload(sources, "" if target.endswith("/") else target.rpartition("/")[2], skip)
    base = target if target.endswith("/") else target.rpartition("/")[0] + "/"
    stored: list[Info] = []
    with progress.show_progress(f"storing {redact_url(target)}", sum(path.stat().st_size for path, _ in plan)) as moved:
        for path, name in plan:
            try:
                stored.append(_store_file(path, base, name, environ, moved))
            except OvenbirdError:
                raise
            except Exception as error:
                message = _not_stored_error(error, base + name, plan, stored)
                raise OutputError(message, hint=_suggest_fix(error)) from error
    return stored


def download(
    url: str, target: Path, environ: Mapping[str, str], names: Sequence[str] = (), limit: TransferLimit | None = None
) -> list[Path]:
    """Fetch a file to `target`, or, when `url` ends in `/`, the files `names` (all of them) below the folder `target`.

    All of it together keeps to `limit`: that of an input unless another one is given. InputError names the URL, without
    its secrets, and the reason.
    """
    limit = limit or TransferLimit.for_inputs(environ)
    if not get_scheme(url):  # names below a `file://` URL are no part of one: their `%20` is no blank
        url = f"{get_local_path(url)}/" if url.endswith("/") else str(get_local_path(url))
    if not is_folder_url(url):
        _fetch_file(url, target, environ, limit)
        return [target]
    paths = []
    for source, name in _list_sources(url, names, environ):
        check_member(name, redact_url(url))
        _fetch_file(source, target / name, environ, limit)
        paths.append(target / name)
    return paths


def _list_sources(url: str, names: Sequence[str], environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the paths or URLs of the files `names` (all of them) below a folder, with their names."""
    if names or get_scheme(url):
        return [(url + name, name) for name in names or list_files(url, environ)]
    return [(str(path), name) for path, name in list_local_files(get_local_path(url))]


def download_web(
    url: str, folder: Path, environ: Mapping[str, str], *, name: str = "", overwrite: bool = True
) -> tuple[Path, str]:
    """Fetch what a web address answers into a folder; and return the path and the extension for its media type.

    Its name comes from the server or the URL, else it is `name`. InputError: it cannot be read, or the file exists and
    `overwrite` is False.
    """
    import tempfile

    from .download_names import get_answer_name, get_table_extension

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as draft:
            answer = _fetch_file(url, Path(draft) / "answer", environ, TransferLimit.for_inputs(environ))
            assert answer is not None
            target = folder / (get_answer_name(strip_zip(url), answer) or name)
            if exists(target) and not overwrite:
                message = f"{target} exists, so {redact_url(url)} was not copied there"
                raise InputError(message, hint="`download(overwrite=True)`")
            (Path(draft) / "answer").replace(target)
    except OSError as error:
        raise _uncopied_error(url, error, folder) from error
    return target, get_table_extension(answer)


def list_files(url: str, environ: Mapping[str, str]) -> list[str]:
    """Return names of the files below a folder, relative to it."""
    if get_scheme(url) in OBJECTS:
        from . import object_storage

        try:
            return [name for name, _ in object_storage.list_objects(strip_zip(url), environ)]
        except Exception as error:
            raise _unreadable_error(url, error) from error
    return [name for _, name in list_local_files(get_local_path(url))]


def list_local_files(folder: Path) -> list[tuple[Path, str]]:
    """Return paths of the files below a folder, and names relative to it: a byte that is no UTF-8 is escaped in these.

    Errors: InputError.
    """
    try:
        return walk_tree(folder).files
    except OSError as error:
        raise _unreadable_error(str(folder), error) from error


def remove(url: str, names: Sequence[str], environ: Mapping[str, str]) -> None:
    """Delete the files `names` below the folder of `url`, and local folders that are empty then.

    Errors: InputError, before anything is deleted, when a name or a link leads out of the folder; OutputError with the
    files that are left, after all others are deleted.
    """
    base = check_names(url, names)
    failed: dict[str, str] = {}
    for name in names:
        try:
            if get_scheme(url) in OBJECTS:
                from . import object_storage

                object_storage.delete_object(strip_zip(base) + name, environ)
            else:
                (get_local_path(base) / name).unlink(missing_ok=True)
        except OvenbirdError:
            raise
        except Exception as error:
            failed[name] = _describe_reason(error)
    if failed:
        rest = ", ".join(redact_url(base + name) for name in list(failed)[:20])
        more = f" and {len(failed) - 20} more" if len(failed) > 20 else ""
        raise OutputError(f"cannot be removed: {rest}{more}: {next(iter(failed.values()))}")
    if not get_scheme(url):
        _remove_empty_folders(get_local_path(base), names)


def add_digest(info: Info, url: str) -> Info:
    """Return the file's entry with its digest, which is computed now for a large local copy."""
    if info.get("hash") or get_scheme(url):
        return info
    base = get_local_path(folder_of(url))
    path = check_inside(base, base / check_member(info.get("path"), url))
    return {**info, "hash": checksum_file(path)}


def describe_file(path: Path, name: str, digest: str | None) -> Info:
    """Return the entry of a file in `status.files`; `name` is its path below the entity's."""
    stat = path.stat()
    executable: Info = {"executable": True} if stat.st_mode & 0o111 else {}
    return executable | {
        "path": name,
        "name": name.rpartition("/")[2],
        "content_type": media_type(name),
        "size": stat.st_size,
        "hash": digest,
        "last_modified": format_timestamp(stat.st_mtime),
    }


def mark_executable(path: Path) -> None:
    """Make a file executable for those who may read it."""
    mode = path.stat().st_mode
    path.chmod(mode | (mode & 0o444) >> 2)


def media_type(name: str) -> str:
    """Return the media type that a file's name stands for."""
    if name.endswith(".parquet"):
        return "application/vnd.apache.parquet"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _plan_upload(sources: Sequence[Path], only: str, skip: Collection[Identity]) -> list[tuple[Path, str]]:
    """Return every file, with its name below the target: `only` for a single file, else its own within its folder."""
    plan: list[tuple[Path, str]] = []
    for source in sources:
        if is_folder(source):
            plan += _list_files(source, skip)
        elif special := describe_special(source):
            raise OutputError(f"{source} is {special}, so it cannot be stored", hint="write a file, and store that")
        elif exists(source):
            plan.append((source, only or source.name))
        else:
            hint = f"looked in {source.absolute().parent}"
            problem = describe_broken_link(source) or f"{source} does not exist"
            raise OutputError(f"{problem}, so it cannot be stored", hint=hint)
    names = [name for _, name in plan]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise OutputError(f"two files would be stored as {twice}", hint="give them different names")
    if not plan:
        raise OutputError(f"{', '.join(map(str, sources))} holds no file to store")
    return plan


def _list_files(folder: Path, skip: Collection[Identity]) -> list[tuple[Path, str]]:
    """Return the files of a folder with their names below it; a warning names what cannot be stored."""
    try:
        tree = walk_tree(folder, skip)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be read: {_describe_reason(error)}", hint="its owner may read it"
        ) from error
    if tree.problems:
        problems = _format_few([f"{show_value(name)} {problem}" for name, problem in tree.problems])
        warn_user(f"{folder} is stored without what cannot be: {problems}")
    return tree.files


def _store_file(path: Path, base: str, name: str, environ: Mapping[str, str], moved: file_copy.Progress | None) -> Info:
    if get_scheme(base) in OBJECTS:
        from . import object_storage

        digest = object_storage.put_object(
            strip_zip(base) + name, path, environ, content_type=media_type(name), progress=moved
        )
        return describe_file(path, name, digest)
    target = get_local_path(base) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (exists(target) and target.samefile(path)):
        file_copy.copy_file(path, target, moved)
        if path.stat().st_mode & 0o111:
            mark_executable(target)
    return describe_file(target, name, checksum_file(target) if target.stat().st_size <= HASHED_AT_ONCE else None)


def _fetch_file(url: str, target: Path, environ: Mapping[str, str], limit: TransferLimit) -> DownloadResponse | None:
    """Fetch one file; what a web server said of it."""
    kind, answer = get_scheme(url), None
    try:
        with progress.show_progress(f"reading {redact_url(url)}", None) as moved:
            if kind in WEB:
                from . import http_download

                answer = http_download.fetch_url(
                    strip_zip(url), target, redact_url(url), limit.left, limit.setting, moved
                )
                limit.left -= target.stat().st_size
            elif kind in OBJECTS:
                from . import object_storage

                object_storage.get_object(strip_zip(url), target, environ, limit.count_with(redact_url(url), moved))
            elif kind == SQL:
                raise InputError(f"{redact_url(url)}: a table of a database is not a file", hint="`as_df()` reads it")
            else:
                if special := describe_special(get_local_path(url)):
                    raise InputError(
                        f"{url} is {special}, not a file", hint="without a hint, or as a Path, it is not copied"
                    )
                file_copy.copy_file(get_local_path(url), target, moved)
                shutil.copymode(get_local_path(url), target)
        return answer
    except OvenbirdError:
        raise
    except OSError as error:
        if _is_of_target(error, target):
            raise _uncopied_error(url, error, target) from error
        raise _unreadable_error(url, error) from error
    except Exception as error:
        raise _unreadable_error(url, error) from error


def _is_of_target(error: OSError, target: Path) -> bool:
    """Return whether the error is one of writing to `target`: the kernel names no file where a copy fails midway."""
    if not isinstance(error.filename, (str, os.PathLike)):
        return error.errno in (*_FULL, errno.EROFS)
    path = Path(error.filename)
    return path == target or path in target.parents or (path.parent == target.parent and path.name.endswith(".part"))


def _uncopied_error(url: str, error: OSError, target: Path) -> InputError:
    hint = "free some space there, or choose another folder" if error.errno in _FULL else "choose another folder"
    return InputError(f"{redact_url(url)} cannot be copied to {target}: {error.strerror or error}", hint=hint)


def _unreadable_error(url: str, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"{redact_url(url)} cannot be read: {_describe_reason(error)}", hint=_suggest_fix(error))


def _not_stored_error(error: Exception, url: str, plan: Sequence[tuple[Path, str]], stored: Sequence[Info]) -> str:
    rest = [other for _, other in plan[len(stored) + 1 :]]
    text = f"{redact_url(url)} was not stored: {_describe_reason(error)}"
    if stored:
        text += f"; stored before it: {_format_few([info['path'] for info in stored])}"
    if rest:
        text += f"; not stored either: {_format_few(rest)}"
    return text


def _format_few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _describe_reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}" + (f" ({error.filename})" if error.filename else "")
    from ...common import object_storage

    return object_storage.describe_error(error)


def _suggest_fix(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return "free some space, or choose another place with `--files-store`" if error.errno in _FULL else ""
    from ...common import object_storage

    if object_storage.error_status(error)[0].startswith(("401", "403")):
        return "the credentials in the environment do not allow it"
    is_unreached = object_storage.describe_error(error) == object_storage.UNREACHABLE
    return "`AWS_ENDPOINT_URL` says where the store is" if is_unreached else ""


def _remove_empty_folders(base: Path, names: Sequence[str]) -> None:
    folders = {base, *(parent for name in names for parent in (base / name).parents if base in parent.parents)}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        if is_folder(folder) and not os.listdir(folder):  # noqa: PTH208  the cheapest look for emptiness
            folder.rmdir()
