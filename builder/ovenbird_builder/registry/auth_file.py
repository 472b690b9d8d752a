"""Credentials for registries, as a file that skopeo and buildah read: a password is never in an argv."""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.named_paths import is_file
from ovenbird.common.private_files import make_private_file
from ovenbird.common.text import show_value

from ..errors import BuildRequestError
from .auth_locations import find_auth_files


class RegistryAuthFile(Struct, frozen=True):
    """`authfile` is passed to skopeo (empty: it uses its own); `secrets` must never be shown."""

    authfile: str = ""
    secrets: tuple[str, ...] = ()


@contextlib.contextmanager
def write_auth_file(
    authfile: str, creds_file: str, hosts: tuple[str, ...], environ: Mapping[str, str]
) -> Iterator[RegistryAuthFile]:
    """Write the credentials of a build to a file, for as long as the build lasts.

    `authfile`: a file in the form of auth.json or docker's config.json. `creds_file`: a file that holds
    `USER:PASSWORD`, for `hosts`; it is laid over what the usual files hold, so that a base on another registry keeps
    its own. Errors: BuildRequestError when a file cannot be read or has another form.
    """
    if authfile:
        _read_document(Path(authfile), "--authfile")  # reported now, not by skopeo in the middle of a push
    if not creds_file:
        yield RegistryAuthFile(str(Path(authfile).resolve()) if authfile else "")
        return
    user, password = _read_credentials(Path(creds_file))
    merged: dict[str, Any] = {}
    for path in [Path(authfile)] if authfile else reversed(find_auth_files(environ)):
        if is_file(path):
            document = _read_document(path, str(path))
            merged |= document | {"auths": {**merged.get("auths", {}), **(document.get("auths") or {})}}
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    merged["auths"] = {**merged.get("auths", {}), **{host: {"auth": token} for host in hosts}}
    for host in hosts:  # a credential helper would win over what was given here
        (merged.get("credHelpers") or {}).pop(host, None)
    with tempfile.TemporaryDirectory(prefix="ovenbird-auth-") as folder:  # 0700, so nobody else reads the file in it
        path = Path(folder, "auth.json")
        make_private_file(path)
        path.write_text(json.dumps(merged))
        yield RegistryAuthFile(str(path), (password, token))


def _read_credentials(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:  # the second also for a name with a NUL
        raise BuildRequestError(
            f"--creds-file: cannot read {show_value(str(path))}: {_describe_error(error)}"
        ) from None
    user, colon, password = text.partition(":")
    if not colon or not user or not password or "\n" in text:
        raise BuildRequestError(f"--creds-file: {show_value(str(path))} does not hold one line `USER:PASSWORD`")
    return user, password


def _read_document(path: Path, flag: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BuildRequestError(
            f"{flag}: cannot read the credentials {show_value(str(path))}: {_describe_error(error)}"
        ) from None
    if not isinstance(document, dict):
        raise BuildRequestError(f"{flag}: {show_value(str(path))} is not the JSON object that `auth.json` is")
    return document


def _describe_error(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "not the form that was expected"
