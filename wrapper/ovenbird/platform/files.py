"""Storage by URL: outputs to a local folder, `s3://`, `gs://` or `az://`; inputs from these and from `http(s)://`.

Files are streamed, appear whole or not at all, and an error names what was stored and what was not. No message holds
the password or the query of a URL.
"""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ovenbird.common.text import show_value
from ovenbird.errors import InputError, OutputError, OvenbirdError

from . import copying, progress
from .store import timestamp

OBJECTS = ("s3", "gs", "az")
WEB = ("http", "https")
# MD5 runs at about a quarter of what a local disk copies, so a larger local copy is hashed when its digest is first
# asked for (`hashed`): the store's copy does not change in between.
HASHED_AT_ONCE = 64 * 1024 * 1024
Info = dict[str, Any]
"""One of `status.files`: `{path, name, content_type, size, hash, last_modified}`; `path` is below the entity's."""


def scheme(url: str) -> str:
    """The scheme in lower case, empty for a local path; InputError for one that is not supported."""
    found, colon, _ = url.partition("://")
    found = found.lower() if colon else ""
    if found in ("", *OBJECTS, *WEB):
        return found
    if found == "file":
        return ""
    raise InputError(f"{shown(url)}: {found}:// is not supported", hint="a local path, s3, gs, az, http or https")


def local(url: str) -> Path:
    """The local path that a path or a `file://` URL means."""
    return Path(unquote(urlsplit(url).path) if url.startswith("file://") else url)


def shown(url: str) -> str:
    """The URL without what may be secret in it: user, password and query."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" + ("?…" if parts.query else "")


def join(root: str, *names: str) -> str:
    """The URL or path of `names` below `root`."""
    return "/".join((root.rstrip("/"), *names))


def upload(sources: Sequence[Path], target: str, environ: Mapping[str, str]) -> list[Info]:
    """Store files and folders below `target`, which ends in `/`, or one file as `target`; what `status.files` keeps.

    OutputError names what was stored before the fault and what was not.
    """
    if scheme(target) in WEB:
        raise OutputError(f"{shown(target)}: files cannot be stored over HTTP", hint="a local folder, s3, gs or az")
    plan = _plan(sources, "" if target.endswith("/") else target.rpartition("/")[2])
    base = target if target.endswith("/") else target.rpartition("/")[0] + "/"
    stored: list[Info] = []
    with progress.shown(f"storing {shown(target)}", sum(path.stat().st_size for path, _ in plan)) as moved:
        for path, name in plan:
            try:
                stored.append(_store(path, base, name, environ, moved))
            except OvenbirdError:
                raise
            except Exception as error:
                message = _not_stored(error, base + name, plan, stored)
                raise OutputError(message, hint=_hint(error)) from error
    return stored


def download(url: str, target: Path, environ: Mapping[str, str], names: Sequence[str] = ()) -> list[Path]:
    """Fetch a file to `target`, or, when `url` ends in `/`, the files `names` (all of them) below the folder `target`.

    InputError names the URL, without its secrets, and the reason.
    """
    if not url.endswith("/"):
        _fetch(url, target, environ)
        return [target]
    found = []
    for name in names or listing(url, environ):
        if ".." in name.split("/") or name.startswith("/"):
            raise InputError(
                f"{shown(url)}: the name {show_value(name)} leaves the folder", hint="the listing cannot be trusted"
            )
        _fetch(url + name, target / name, environ)
        found.append(target / name)
    return found


def listing(url: str, environ: Mapping[str, str]) -> list[str]:
    """Names of the files below a folder, relative to it."""
    if scheme(url) in OBJECTS:
        from . import objects

        try:
            return [name for name, _ in objects.keys(url, environ)]
        except Exception as error:
            raise _unreadable(url, error) from error
    root = local(url)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def remove(url: str, names: Sequence[str], environ: Mapping[str, str]) -> None:
    """Delete the files `names` below the folder of `url`, and local folders that are empty then."""
    base = url if url.endswith("/") else url.rpartition("/")[0] + "/"
    for name in names:
        try:
            if scheme(url) in OBJECTS:
                from . import objects

                objects.delete(base + name, environ)
            else:
                (local(base) / name).unlink(missing_ok=True)
        except OvenbirdError:
            raise
        except Exception as error:
            raise OutputError(f"{shown(base + name)} cannot be removed: {_reason(error)}") from error
    if not scheme(url):
        _prune(local(base), names)


def hashed(info: Info, url: str) -> Info:
    """The file's entry with its digest, which is computed now for a large local copy."""
    if info.get("hash") or scheme(url):
        return info
    base = local(url if url.endswith("/") else url.rpartition("/")[0] + "/")
    return {**info, "hash": copying.digest(base / info["path"])}


def describe(path: Path, name: str, digest: str | None) -> Info:
    """The entry of `status.files` of a file: `name` is its path below the entity's."""
    stat = path.stat()
    return {
        "path": name,
        "name": name.rpartition("/")[2],
        "content_type": media_type(name),
        "size": stat.st_size,
        "hash": digest,
        "last_modified": timestamp(stat.st_mtime),
    }


def media_type(name: str) -> str:
    """The media type that a file's name stands for."""
    if name.endswith(".parquet"):
        return "application/vnd.apache.parquet"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _plan(sources: Sequence[Path], only: str) -> list[tuple[Path, str]]:
    """Every file, with its name below the target: `only` for a single file, else its own within its folder."""
    plan: list[tuple[Path, str]] = []
    for source in sources:
        if source.is_dir():
            plan += [(path, str(path.relative_to(source))) for path in sorted(source.rglob("*")) if path.is_file()]
        elif source.exists():
            plan.append((source, only or source.name))
        else:
            hint = f"looked in {source.absolute().parent}"
            raise OutputError(f"{source} does not exist, so it cannot be stored", hint=hint)
    names = [name for _, name in plan]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise OutputError(f"two files would be stored as {twice}", hint="give them different names")
    if not plan:
        raise OutputError(f"{', '.join(map(str, sources))} holds no file to store")
    return plan


def _store(path: Path, base: str, name: str, environ: Mapping[str, str], moved: copying.Progress | None) -> Info:
    if scheme(base) in OBJECTS:
        from . import objects

        digest = objects.put(base + name, path, environ, content_type=media_type(name), progress=moved)
        return describe(path, name, digest)
    target = local(base) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (target.exists() and target.samefile(path)):
        copying.copy(path, target, moved)
    return describe(target, name, copying.digest(target) if target.stat().st_size <= HASHED_AT_ONCE else None)


def _fetch(url: str, target: Path, environ: Mapping[str, str]) -> None:
    kind = scheme(url)
    try:
        with progress.shown(f"reading {shown(url)}", None) as moved:
            if kind in WEB:
                from . import web

                web.fetch(url, target, shown(url), moved)
            elif kind in OBJECTS:
                from . import objects

                objects.get(url, target, environ, moved)
            else:
                copying.copy(local(url), target, moved)
                shutil.copymode(local(url), target)
    except OvenbirdError:
        raise
    except Exception as error:
        raise _unreadable(url, error) from error


def _unreadable(url: str, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"{shown(url)} cannot be read: {_reason(error)}", hint=_hint(error))


def _not_stored(error: Exception, url: str, plan: Sequence[tuple[Path, str]], stored: Sequence[Info]) -> str:
    left = [other for _, other in plan[len(stored) + 1 :]]
    text = f"{shown(url)} was not stored: {_reason(error)}"
    if stored:
        text += f"; stored before it: {_few([info['path'] for info in stored])}"
    if left:
        text += f"; not stored either: {_few(left)}"
    return text


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}" + (f" ({error.filename})" if error.filename else "")
    from .. import objectstores

    return objectstores.reason(error)


def _hint(error: BaseException) -> str:
    text = _reason(error)
    if "403" in text or "401" in text:
        return "the credentials in the environment do not allow it"
    if "No space" in text or "quota" in text or "too large" in text:
        return "free some space, or choose another place with --files-store"
    return "AWS_ENDPOINT_URL says where the store is" if "cannot be reached" in text else ""


def _prune(base: Path, names: Sequence[str]) -> None:
    folders = {base, *(parent for name in names for parent in (base / name).parents if base in parent.parents)}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        if folder.is_dir() and not os.listdir(folder):  # noqa: PTH208  the cheapest look for emptiness
            folder.rmdir()
