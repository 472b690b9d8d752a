"""Files in object stores (`s3://`, `gs://`, `az://`), through obstore: streamed, in parts, retried."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...common import object_storage
from ...common.atomic_files import drafting
from ...common.hashing import new_md5
from ...errors import OvenbirdError, PlatformError, SettingsError
from .file_copy import Progress
from .schemes import get_scheme

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PART = 8 * 1024 * 1024
_PARTS = 9000  # S3 takes 10,000 of them
_AT_ONCE = 4  # parts in flight; with _PART this bounds the memory
_BLOCK = 1024 * 1024
_PATIENCE = 120.0  # seconds without a byte; half of it for all retries


def put_object(
    url: str, source: Path, environ: Mapping[str, str], *, content_type: str, progress: Progress | None = None
) -> str:
    """Upload a file, hashed on the way; `md5:` and its digest. The object appears whole or not at all."""
    return str(_run_in_thread(lambda: _put(url, source, environ, content_type, progress)))


def get_object(url: str, target: Path, environ: Mapping[str, str], progress: Progress | None = None) -> None:
    """Download an object into `target`, going on where the body broke off; it appears whole or not at all."""
    _run_in_thread(lambda: _get(url, target, environ, progress))


def _run_in_thread(work: Callable[[], Any]) -> Any:
    """Do the work in a thread of its own when this is the main one: a signal waits until a call into obstore ends.

    What a signal raises then leaves the transfer behind; it ends with the process, and nothing of it appears.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[Any] = []

    def do() -> None:
        try:
            results.append((work(), None))
        except BaseException as error:
            results.append((None, error))

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join()
    value, error = results[0]
    if error is not None:
        raise error
    return value


def _put(url: str, source: Path, environ: Mapping[str, str], content_type: str, progress: Progress | None) -> str:
    obstore = import_obstore()
    store, path = open_bucket(url, environ)
    total, size = new_md5(), source.stat().st_size
    part = max(_PART, size // _PARTS + 1)
    with source.open("rb") as file:
        obstore.put(
            store,
            path,
            _read_hashed(file, part, total, progress),
            attributes={"Content-Type": content_type},
            # An empty multipart upload is refused by S3, and a small one costs three requests instead of one.
            use_multipart=size > _PART,
            chunk_size=part,
            max_concurrency=_AT_ONCE,
        )
    return f"md5:{total.hexdigest()}"


def _get(url: str, target: Path, environ: Mapping[str, str], progress: Progress | None) -> None:
    store, path = open_bucket(url, environ)
    target.parent.mkdir(parents=True, exist_ok=True)
    with drafting(target) as part, part.open("wb") as file:
        object_storage.download(store, path, file, progress or (lambda _: None))


def list_objects(url: str, environ: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return names below the folder `url`, relative to it, and their sizes in bytes.

    The empty objects that consoles make for folders (`data/`) are left out; obstore lists them as `data`.
    """
    store, path = open_bucket(url, environ)
    obstore, sizes = import_obstore(), {}
    for page in obstore.list(store, path):
        sizes.update({item["path"][len(path.rstrip("/")) + 1 :]: item for item in page})
    folders = {"", *(name[:index] for name in sizes for index, char in enumerate(name) if char == "/")}
    return sorted(
        (name, item["size"])
        for name, item in sizes.items()
        if item["size"] or not (name in folders or _is_missing(store, item["path"]))
    )


def _is_missing(store: Any, path: str) -> bool:
    try:
        import_obstore().head(store, path)
    except FileNotFoundError:
        return True
    return False


def delete_object(url: str, environ: Mapping[str, str]) -> None:
    """Delete an object, if it exists."""
    store, path = open_bucket(url, environ)
    try:
        import_obstore().delete(store, path)
    except FileNotFoundError:
        return


def _read_hashed(file: Any, size: int, total: Any, progress: Progress | None) -> Iterator[bytes]:
    while block := file.read(min(size, _BLOCK)):
        total.update(block)
        yield block
        if progress:
            progress(len(block))


def import_obstore() -> Any:
    """Return the module obstore. Errors: PlatformError when it is not installed."""
    try:
        import obstore
        import obstore.exceptions
    except ImportError:
        from ...common.install_hint import format_install_command

        raise PlatformError(
            "object stores need the package `obstore`, which is not installed", hint=format_install_command("platform")
        ) from None
    return obstore


def open_bucket(url: str, environ: Mapping[str, str], *, patience: float = _PATIENCE) -> tuple[ObjectStore, str]:
    """Return the store of the URL's bucket, and the path in it. `patience`: seconds of retries, and for a byte."""
    import_obstore()
    from datetime import timedelta

    from obstore.store import AzureStore, GCSStore, S3Store

    parts = urlsplit(url, allow_fragments=False)
    kind = get_scheme(url)
    retry: Any = {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=patience / 2),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    }
    # obstore's own limit is 30 s for a whole request, which a large file over a slow line cannot keep.
    connect = min(10, patience / 2)
    client: Any = {"timeout": "1d", "read_timeout": f"{patience:g}s", "connect_timeout": f"{connect:g}s"}
    path = parts.path.strip("/") + (f"?{parts.query}" if parts.query else "")
    try:
        if kind == "s3":
            config = object_storage.s3_config(parts.netloc, environ, SettingsError)
            client["allow_http"] = config.get("endpoint", "").startswith("http://")
            return S3Store(parts.netloc, **config, client_options=client, retry_config=retry), path
        if kind == "gs":
            return GCSStore(parts.netloc, client_options=client, retry_config=retry), path
        return AzureStore(parts.netloc, client_options=client, retry_config=retry), path
    except OvenbirdError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{parts.scheme}://{parts.netloc}: {object_storage.describe_error(error)}",
            hint="check the credentials in the environment",
        ) from None
