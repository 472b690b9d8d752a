"""Fetch a git source over HTTP, by dulwich: one commit, without its history if the server allows that."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from dulwich.errors import GitProtocolError
from dulwich.object_store import DiskObjectStore, ObjectStoreGraphWalker
from dulwich.objects import Commit, ObjectID, Tag

from ...common.git_refs import ref_not_found_error, resolve_ref
from ...common.git_url import GitSource, find_credentials
from ...common.redact import redact_text
from ...common.source_limits import SIZE, read_limits
from ...common.source_url import netrc_login
from ...common.text import show_value
from ...common.units import show_size
from ...errors import LoadError, OvenbirdError, SourceUrlError
from ...platform.storage import http_pool
from . import checkout
from .git_http import GitHttpClient
from .pack_limits import check_pack

LIMIT = 300.0  # seconds for the whole fetch
_NAME = 40  # characters of a full object name
_BRANCHES_AND_TAGS = [b"refs/heads/", b"refs/tags/"]
_log = logging.getLogger("ovenbird")


def fetch(source: GitSource, folder: Path, environ: Mapping[str, str], limit: float = LIMIT) -> None:
    """Write the files of a git source to `folder`, which must not exist, within `limit` seconds.

    Errors: LoadError; then the folder is removed.
    """
    login = find_credentials(source, environ) or netrc_login(urlsplit(source.url).hostname or "", environ)
    limits = read_limits(environ)
    objects = folder.with_name(f"{folder.name}.objects")
    objects.mkdir()
    try:
        DiskObjectStore.init(str(objects)).close()
        with closing(GitHttpClient(source, login, environ, limit)) as client:
            name = _GitFetch(source, client, objects, limit, limits.size).fetch()
        with closing(DiskObjectStore(str(objects))) as store:
            commit = _resolve_commit(store, name, source)
            written = checkout.write(store, commit, source, folder, files=limits.files, size=limits.size)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        raise _translate_error(error, source) from None
    finally:
        shutil.rmtree(objects, ignore_errors=True)
    identity = commit.id.decode()
    _log.info("fetched %s: commit %s", source.display_url, identity, extra={"fields": {"commit": identity}})
    for note in written.list_notes():
        _log.warning("%s: %s", source.display_url, note)


class _GitFetch:
    """State of one fetch: the advertised refs and the wanted object."""

    def __init__(self, source: GitSource, client: GitHttpClient, objects: Path, limit: float, size: int) -> None:
        self._source, self._client, self._objects = source, client, objects
        self._refs: dict[str, str] = {}
        self._object_name = ""  # a full object name, or a prefix
        self._size = size
        self._limit, self._deadline = limit, time.monotonic() + limit

    def fetch(self) -> ObjectID:
        """Fetch the wanted object into the store, and return its name. Fetch the history only if it is needed."""
        try:
            self._fetch_pack(with_history=False)
        except GitProtocolError:
            if self._object_name in ("", *self._refs.values()):
                raise
        names = self._matching_names()
        if not names:
            self._fetch_pack(with_history=True)
            names = self._matching_names()
        if len(names) != 1:
            raise ref_not_found_error(self._refs, self._source)
        return names[0]

    def _matching_names(self) -> list[ObjectID]:
        """Return the objects in the store whose names begin with the wanted one."""
        with self._open_store() as store:
            return list(store.iter_prefix(self._object_name.encode()))

    def _open_store(self) -> closing[DiskObjectStore]:
        """Open the store anew: older versions of dulwich close the index of a pack that was added through it."""
        return closing(DiskObjectStore(str(self._objects)))

    def _fetch_pack(self, *, with_history: bool) -> None:
        """Fetch the wanted object, or every branch and tag with its history, into the store."""
        with self._open_store() as store:
            file, keep, drop = store.add_pack()
            try:
                self._client.fetch_pack(
                    "", self._select_objects(with_history),
                    ObjectStoreGraphWalker([], lambda _: []), self._limit_writes(file.write),
                    depth=None if with_history else 1, ref_prefix=[b"HEAD", *_BRANCHES_AND_TAGS],
                )  # fmt: skip
                check_pack(file, self._size)
            except BaseException:
                drop()
                raise
            keep()

    def _select_objects(self, with_history: bool) -> Callable[..., list[ObjectID]]:
        """Return the callback that tells dulwich which of the advertised refs to fetch."""

        def wants(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001  # its name
            self._refs = {name.decode("utf-8", "replace"): value.decode() for name, value in refs.items()}
            name = resolve_ref(self._refs, self._source)
            self._object_name = self._refs.get(name, name)
            if with_history:
                every = [value for name, value in refs.items() if name.startswith(tuple(_BRANCHES_AND_TAGS))]
                return [ObjectID(value) for value in sorted(set(every))]
            return [ObjectID(self._object_name.encode())] if len(self._object_name) == _NAME else []

        return wants

    def _limit_writes(self, write: Callable[[bytes], int]) -> Callable[[bytes], int]:
        """Return `write` with the limits of time and size checked at each call."""
        size = 0

        def counted(data: bytes) -> int:
            nonlocal size
            size += len(data)
            if size > self._size:
                raise LoadError(f"its server sends more than {show_size(self._size)}", hint=f"`{SIZE}` says how much")
            if time.monotonic() > self._deadline:
                raise LoadError(f"not done within {self._limit:g} seconds")
            return write(data)

        return counted


def _resolve_commit(store: DiskObjectStore, name: ObjectID, source: GitSource) -> Commit:
    """Return the commit of a name, or the commit of the tag of that name. Errors: SourceUrlError."""
    object_ = store[name]
    while isinstance(object_, Tag):
        object_ = store[object_.object[1]]
    if not isinstance(object_, Commit):
        raise SourceUrlError(f"{source.display_url}: {show_value(source.ref)} is not a commit")
    return object_


def _translate_error(error: Exception, source: GitSource) -> LoadError:
    """Return the LoadError for an error during the fetch."""
    if isinstance(error, SourceUrlError):
        return error
    message, hint = f"the source was not fetched: {source.display_url}", ""
    if isinstance(error, OvenbirdError):
        message, hint = f"{message}: {error.message}", error.hint
    elif isinstance(error, OSError):
        message += f": {error.strerror or error}"
    elif type(error).__module__.startswith("urllib3"):
        last = getattr(error, "reason", None)  # the last error after retries
        last = last if isinstance(last, Exception) else error
        message += f": {http_pool.describe_reason(last)}"
        hint = (
            "`GIT_SSL_CAINFO` or `SSL_CERT_FILE` names the certificates to trust"
            if "SSL" in type(last).__name__
            else ""
        )
    else:
        message += f": {redact_text(' '.join(str(error).split()))[:300] or type(error).__name__}"
    return LoadError(message, hint=hint)
