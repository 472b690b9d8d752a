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
from .downloaded import settle_download
from .fetcher import FetchedSource, FetchRequest

if TYPE_CHECKING:
    from obstore.store import S3Store

_AT_ONCE = 8


def fetch(order: FetchRequest) -> FetchedSource:
    """Download an object, all objects below a prefix that ends in `/`, or an archive and unpack it.

    Errors: the subclasses of SourceError.
    """
    source = order.function.source
    origin, _ = split_folder(source.removeprefix("zip+"))
    if re.search(r"[\x00-\x1f\x7f]", source):
        raise UnsafeSourceError(f"{origin!a}: a URL must not contain control characters")
    bucket, _, key = origin.removeprefix("s3://").partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", bucket) or (source.startswith("zip+") and not key):
        raise SourceError(f"{show_value(origin)}: expected `s3://BUCKET/KEY`")
    import obstore.exceptions

    store = _open_store(bucket, order, origin)
    try:
        if not key or key.endswith("/"):
            return _fetch_prefix(store, key, origin, order)
        part = order.work.parent / "download"
        _download(store, key, part, origin, order)
    except (obstore.exceptions.BaseError, FileNotFoundError) as error:
        if isinstance(error, FileNotFoundError) and error.errno:
            raise  # of this machine's disk
        raise _translate_store_error(origin, error) from None
    return settle_download(part, order, PurePosixPath(key).name, origin)


def _fetch_prefix(store: S3Store, prefix: str, origin: str, order: FetchRequest) -> FetchedSource:
    """Download all objects below a prefix; the revision is a digest of their names and ETags."""
    import obstore

    keys: dict[str, str] = {}  # path in the tree -> key
    empty: set[str] = set()
    total, size = hashlib.sha256(), 0
    for page in obstore.list(store, prefix or None):
        for item in page:
            order.check_deadline(origin)
            if not item["path"].startswith(prefix):
                continue  # what a console makes to show the prefix itself as a folder; its name has lost its slash
            path = path_rules.check_member(item["path"][len(prefix) :], origin)
            keys[path] = item["path"]
            size += item["size"]
            if not item["size"]:
                empty.add(path)
            if size > order.limits.size or len(keys) > order.limits.files:
                most = f"{show_size(order.limits.size)} or {order.limits.files} files"
                raise UnsafeSourceError(f"{origin}: holds more than {most}", hint="`OVENBIRD_SOURCE_LIMIT`")
            total.update(f"{path}\0{item['e_tag']}\0{item['size']}\n".encode())
    folders = {"/".join(path.split("/")[:count]) for path in keys for count in range(1, path.count("/") + 1)}
    for path in folders & set(keys):
        if path not in empty:
            raise UnsafeSourceError(f"{origin}: {show_value(path)} is both a file and a folder")
        del keys[path]
    if not keys:
        raise SourceMissingError(f"{origin}: no object lies below it", hint="check the bucket and the prefix")
    _download_all(store, keys, empty, origin, order)
    return FetchedSource(order.work, origin, f"sha256:{total.hexdigest()}")


def _download_all(store: S3Store, keys: dict[str, str], empty: set[str], origin: str, order: FetchRequest) -> None:
    """Download objects in parallel. An empty one may be the marker of a folder, which cannot be downloaded."""

    def download_one(path: str) -> None:
        target = order.work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(store, keys[path], target, f"{origin}{path}", order)
        except FileNotFoundError as error:
            if error.errno or path not in empty:
                raise
            target.unlink()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(download_one, path) for path in keys]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _download(store: S3Store, key: str, target: Path, origin: str, order: FetchRequest) -> None:
    most = order.limits.size
    with target.open("wb") as file:

        def moved(_: int) -> None:
            order.check_deadline(origin)
            if file.tell() > most:
                raise UnsafeSourceError(f"{origin}: is larger than {show_size(most)}", hint="`OVENBIRD_SOURCE_LIMIT`")

        object_storage.download(store, key, file, moved)


def _open_store(bucket: str, order: FetchRequest, origin: str) -> S3Store:
    from obstore.store import S3Store

    remaining = order.check_deadline(origin)
    retry: Any = {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=min(60.0, remaining)),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    quiet = timedelta(seconds=min(30.0, remaining))
    client: Any = {
        "timeout": timedelta(seconds=remaining),
        "read_timeout": quiet,
        "connect_timeout": timedelta(seconds=10),
    }
    config = object_storage.s3_config(bucket, order.environ, SourceError)
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
        raise SourceError(
            f"{origin}: {object_storage.describe_error(error)}", hint="check the AWS_ variables"
        ) from None


def _translate_store_error(origin: str, error: BaseException) -> SourceError:
    """Return the SourceError for an error of obstore."""
    from obstore import exceptions

    status, code = object_storage.error_status(error)
    message = f"{origin}: {object_storage.describe_error(error)}"
    if isinstance(error, FileNotFoundError) or status.startswith("404"):
        subject = "the bucket" if code == "NoSuchBucket" else "it"
        return SourceMissingError(f"{origin}: {subject} does not exist", hint="check the bucket and the key")
    denied = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
    if isinstance(error, denied) or status.startswith(("401", "403")):
        return SourceAuthError(
            message, hint="`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `S3_SIGNATURE_VERSION=unsigned`"
        )
    return SourceUnreachableError(message, hint="`AWS_ENDPOINT_URL` names a store other than Amazon's")
