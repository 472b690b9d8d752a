"""A git source over HTTP, by dulwich: one commit of a repository, at depth 1 where its server gives that."""

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

from ...common.git_refs import missing, resolve_ref
from ...common.git_url import GitSource, credentials
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

LIMIT = 300.0  # seconds, for all of it
_NAME = 40  # characters of a full object name
_BRANCHES_AND_TAGS = [b"refs/heads/", b"refs/tags/"]
_log = logging.getLogger("ovenbird")


def fetch(source: GitSource, folder: Path, environ: Mapping[str, str], limit: float = LIMIT) -> None:
    """Write the files of a git source below `folder`, which is absent, within `limit` seconds.

    Errors: LoadError; nothing is kept then.
    """
    login = credentials(source, environ) or netrc_login(urlsplit(source.url).hostname or "", environ)
    limits = read_limits(environ)
    objects = folder.with_name(f"{folder.name}.objects")
    objects.mkdir()
    try:
        DiskObjectStore.init(str(objects)).close()
        with closing(GitHttpClient(source, login, environ, limit)) as client:
            name = _GitFetch(source, client, objects, limit, limits.size).take()
        with closing(DiskObjectStore(str(objects))) as store:
            commit = _commit(store, name, source)
            written = checkout.write(store, commit, source, folder, files=limits.files, size=limits.size)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        raise _refused(error, source) from None
    finally:
        shutil.rmtree(objects, ignore_errors=True)
    identity = commit.id.decode()
    _log.info("fetched %s: commit %s", source.shown, identity, extra={"fields": {"commit": identity}})
    for note in written.notes():
        _log.warning("%s: %s", source.shown, note)


class _GitFetch:
    """One way through a repository: what its server has told, and what is wanted of it."""

    def __init__(self, source: GitSource, client: GitHttpClient, objects: Path, limit: float, size: int) -> None:
        self._found, self._client, self._objects = source, client, objects
        self._refs: dict[str, str] = {}
        self._wanted = ""  # a full object name, else the beginning of one
        self._size = size
        self._limit, self._deadline = limit, time.monotonic() + limit

    def take(self) -> ObjectID:
        """Bring what is wanted into the store; its name. The history comes along only where it cannot be had alone."""
        try:
            self._take(whole=False)
        except GitProtocolError:
            if self._wanted in ("", *self._refs.values()):
                raise
        names = self._names()
        if not names:
            self._take(whole=True)
            names = self._names()
        if len(names) != 1:
            raise missing(self._refs, self._found)
        return names[0]

    def _names(self) -> list[ObjectID]:
        """The objects in the store that are meant: one, none, or several that a short name fits."""
        with self._store() as store:
            return list(store.iter_prefix(self._wanted.encode()))

    def _store(self) -> closing[DiskObjectStore]:
        """The store, opened anew: older versions close the index of a pack that was added through it."""
        return closing(DiskObjectStore(str(self._objects)))

    def _take(self, *, whole: bool) -> None:
        """Fetch what is wanted, alone or (`whole`) every branch and tag with its history, into the store."""
        with self._store() as store:
            file, keep, drop = store.add_pack()
            try:
                self._client.fetch_pack(
                    "", self._wants(whole), ObjectStoreGraphWalker([], lambda _: []), self._counted(file.write),
                    depth=None if whole else 1, ref_prefix=[b"HEAD", *_BRANCHES_AND_TAGS],
                )  # fmt: skip
                check_pack(file, self._size)
            except BaseException:
                drop()
                raise
            keep()

    def _wants(self, whole: bool) -> Callable[..., list[ObjectID]]:
        """What dulwich asks, with the server's references, before it fetches."""

        def wants(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001  # its name
            self._refs = {name.decode("utf-8", "replace"): value.decode() for name, value in refs.items()}
            name = resolve_ref(self._refs, self._found)
            self._wanted = self._refs.get(name, name)
            if whole:
                every = [value for name, value in refs.items() if name.startswith(tuple(_BRANCHES_AND_TAGS))]
                return [ObjectID(value) for value in sorted(set(every))]
            return [ObjectID(self._wanted.encode())] if len(self._wanted) == _NAME else []

        return wants

    def _counted(self, write: Callable[[bytes], int]) -> Callable[[bytes], int]:
        """`write`, within the limits of time and size."""
        size = 0

        def counted(data: bytes) -> int:
            nonlocal size
            size += len(data)
            if size > self._size:
                raise LoadError(f"its server sends more than {show_size(self._size)}", hint=f"{SIZE} says how much")
            if time.monotonic() > self._deadline:
                raise LoadError(f"not done within {self._limit:g} seconds")
            return write(data)

        return counted


def _commit(store: DiskObjectStore, name: ObjectID, source: GitSource) -> Commit:
    """The commit of that name, or that the tag of that name stands for. Errors: SourceUrlError."""
    object_ = store[name]
    while isinstance(object_, Tag):
        object_ = store[object_.object[1]]
    if not isinstance(object_, Commit):
        raise SourceUrlError(f"{source.shown}: {show_value(source.ref)} is not a commit")
    return object_


def _refused(error: Exception, source: GitSource) -> LoadError:
    """The error of ours for what broke on the way."""
    if isinstance(error, SourceUrlError):
        return error
    message, hint = f"the source was not fetched: {source.shown}", ""
    if isinstance(error, OvenbirdError):
        message, hint = f"{message}: {error.message}", error.hint
    elif isinstance(error, OSError):
        message += f": {error.strerror or error}"
    elif type(error).__module__.startswith("urllib3"):
        last = getattr(error, "reason", None)  # of several tries
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
