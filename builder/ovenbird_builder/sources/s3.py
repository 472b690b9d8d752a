"""A file, a prefix or a zip in an S3 store, through obstore: streamed, retried, checked against the limits."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ovenbird.common import object_storage
from ovenbird.common.archive_names import split_folder
from ovenbird.common.text import show_value
from ovenbird.common.units import show_size

from ..errors import SourceAuthError, SourceError, SourceMissingError, SourceUnreachableError, UnsafeSourceError
from . import path_rules
from .downloaded import settle
from .fetcher import FetchedSource, FetchRequest

if TYPE_CHECKING:
    from obstore.store import S3Store

_AT_ONCE = 8


def fetch(order: FetchRequest) -> FetchedSource:
    """Download an object, all objects below a prefix that ends in `/`, or an archive and unpack it.

    Errors: the subclasses of SourceError.
    """
    source = order.function.source
    shown, _ = split_folder(source.removeprefix("zip+"))
    if re.search(r"[\x00-\x1f\x7f]", source):
        raise UnsafeSourceError(f"{shown!a}: a URL must not contain control characters")
    bucket, _, key = shown.removeprefix("s3://").partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", bucket) or (source.startswith("zip+") and not key):
        raise SourceError(f"{show_value(shown)}: expected s3://BUCKET/KEY")
    import obstore.exceptions

    store = _open(bucket, order, shown)
    try:
        if not key or key.endswith("/"):
            return _prefix(store, key, shown, order)
        part = order.work.parent / "download"
        _get(store, key, part, shown, order)
    except (obstore.exceptions.BaseError, FileNotFoundError) as error:
        if isinstance(error, FileNotFoundError) and error.errno:
            raise  # of this machine's disk
        raise _refused(shown, error) from None
    return settle(part, order, PurePosixPath(key).name, shown)


def _prefix(store: S3Store, prefix: str, shown: str, order: FetchRequest) -> FetchedSource:
    """Every object below a prefix; the revision is a digest of their names and ETags."""
    import obstore

    chosen: dict[str, str] = {}  # path in the tree -> key
    empty: set[str] = set()
    total, size = hashlib.sha256(), 0
    for page in obstore.list(store, prefix or None):
        for item in page:
            order.remaining(shown)
            if not item["path"].startswith(prefix):
                continue  # what a console makes to show the prefix itself as a folder; its name has lost its slash
            path = path_rules.check_member(item["path"][len(prefix) :], shown)
            chosen[path] = item["path"]
            size += item["size"]
            if not item["size"]:
                empty.add(path)
            if size > order.limits.size or len(chosen) > order.limits.files:
                most = f"{show_size(order.limits.size)} or {order.limits.files} files"
                raise UnsafeSourceError(f"{shown}: holds more than {most}", hint="`OVENBIRD_SOURCE_LIMIT`")
            total.update(f"{path}\0{item['e_tag']}\0{item['size']}\n".encode())
    folders = {"/".join(path.split("/")[:count]) for path in chosen for count in range(1, path.count("/") + 1)}
    for path in folders & set(chosen):
        if path not in empty:
            raise UnsafeSourceError(f"{shown}: {show_value(path)} is both a file and a folder")
        del chosen[path]
    if not chosen:
        raise SourceMissingError(f"{shown}: no object lies below it", hint="check the bucket and the prefix")
    _get_all(store, chosen, empty, shown, order)
    return FetchedSource(order.work, shown, f"sha256:{total.hexdigest()}")


def _get_all(store: S3Store, chosen: dict[str, str], empty: set[str], shown: str, order: FetchRequest) -> None:
    """Download objects, some at a time; one that is empty may be the mark of a folder, which cannot be had."""

    def one(path: str) -> None:
        target = order.work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _get(store, chosen[path], target, f"{shown}{path}", order)
        except FileNotFoundError as error:
            if error.errno or path not in empty:
                raise
            target.unlink()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(one, path) for path in chosen]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _get(store: S3Store, key: str, target: Path, shown: str, order: FetchRequest) -> None:
    most = order.limits.size
    with target.open("wb") as file:

        def moved(_: int) -> None:
            order.remaining(shown)
            if file.tell() > most:
                raise UnsafeSourceError(f"{shown}: is larger than {show_size(most)}", hint="`OVENBIRD_SOURCE_LIMIT`")

        object_storage.download(store, key, file, moved)


def _open(bucket: str, order: FetchRequest, shown: str) -> S3Store:
    from obstore.store import S3Store

    left = order.remaining(shown)
    retry: Any = {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=min(60.0, left)),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    quiet = timedelta(seconds=min(30.0, left))
    client: Any = {"timeout": timedelta(seconds=left), "read_timeout": quiet, "connect_timeout": timedelta(seconds=10)}
    config = object_storage.s3(bucket, order.environ, SourceError)
    endpoint = config.get("endpoint", "https://")
    client["allow_http"] = endpoint.startswith("http://")
    if order.network.ca_bundle:
        client["root_certificate"] = order.network.ca_bundle.read_text()
    proxies = {name.lower(): value for name, value in sorted(order.network.proxies.items())}
    if proxy := proxies.get(f"{urlsplit(endpoint).scheme}_proxy") or proxies.get("all_proxy"):
        client["proxy_url"] = proxy
        client["proxy_excludes"] = proxies.get("no_proxy", "")
    try:
        return S3Store(bucket, **config, client_options=client, retry_config=retry)
    except Exception as error:  # its own kinds, and those of a value that does not parse
        raise SourceError(f"{shown}: {object_storage.reason(error)}", hint="check the AWS_ variables") from None


def _refused(shown: str, error: BaseException) -> SourceError:
    """The error of ours for one of obstore's."""
    from obstore import exceptions

    status, code = object_storage.answered(error)
    said = f"{shown}: {object_storage.reason(error)}"
    if isinstance(error, FileNotFoundError) or status.startswith("404"):
        what = "the bucket" if code == "NoSuchBucket" else "it"
        return SourceMissingError(f"{shown}: {what} does not exist", hint="check the bucket and the key")
    denied = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
    if isinstance(error, denied) or status.startswith(("401", "403")):
        return SourceAuthError(
            said, hint="`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `S3_SIGNATURE_VERSION=unsigned`"
        )
    return SourceUnreachableError(said, hint="`AWS_ENDPOINT_URL` names a store other than Amazon's")
