"""Who we are to a registry: from the files that podman, buildah, skopeo and docker keep, and their helpers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from ovenbird.common.named_paths import is_file
from ovenbird.common.text import show_value

from ..errors import BuildRequestError, ProgramMissingError
from ..host import process
from ..oci.reference import ImageReference
from .auth_locations import find_auth_files


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """A user and password; with a `token` instead, an identity token that is exchanged for others."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class _Entry(Struct):
    """What is known of one registry."""

    auth: str | None = None
    identitytoken: str | None = None


class _Config(Struct):
    """What is read of a file: logins, and programs to ask for them, by registry."""

    auths: dict[str, _Entry | None] | None = None
    helpers: dict[str, str] | None = msgspec.field(default=None, name="credHelpers")
    store: str | None = msgspec.field(default=None, name="credsStore")


def find_login(reference: ImageReference, environ: Mapping[str, str], authfile: str = "") -> RegistryLogin | None:
    """Return the login for a repository, from the first file that has one; None for anonymous access.

    Files: `--authfile`, REGISTRY_AUTH_FILE, podman's auth.json, docker's config.json. Errors: BuildRequestError when a
    file that was named does not exist, or any is not JSON.
    """
    for path, named in _list_files(environ, authfile):
        if not is_file(path):
            if named:
                raise BuildRequestError(f"{named}: there is no file {show_value(str(path))}")
            continue
        credentials = _match_entry(_read_config(path), reference, environ)
        if credentials:
            return credentials
    return None


def _list_files(environ: Mapping[str, str], authfile: str) -> Iterator[tuple[Path, str]]:
    """Yield each file with the name of the flag or variable that asked for it, in the order of `find_auth_files`."""
    if authfile:
        yield Path(authfile), "--authfile"
        return
    named = "REGISTRY_AUTH_FILE" if environ.get("REGISTRY_AUTH_FILE") else ""
    yield from ((path, named) for path in find_auth_files(environ))


def _read_config(path: Path) -> _Config:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(value, _Config) if isinstance(value, dict) else _Config()
    except (OSError, ValueError, RecursionError):  # what json says may quote a password
        raise BuildRequestError(
            f"cannot read the credentials in {show_value(str(path))}: not the JSON of an `auth.json`, or not readable"
        ) from None


def _match_entry(config: _Config, reference: ImageReference, environ: Mapping[str, str]) -> RegistryLogin | None:
    """Return the most specific entry of a file: `host/a/b`, then `host/a`, then `host`; then the host's helper."""
    parts = reference.repository.split("/")
    host = parts[0]
    keys = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    if host == "docker.io":
        keys += ["https://index.docker.io/v1/", "index.docker.io"]
    helpers, auths = config.helpers or {}, config.auths or {}
    for key in [*keys, f"https://{host}", f"https://{host}/v2/"]:
        if key in helpers and (login := _ask_helper(helpers[key], key, environ)):
            return login
        if login := _decode_entry(auths.get(key) or _Entry()):
            return login
    store = config.store
    server = keys[-2] if host == "docker.io" else host
    return _ask_helper(store, server, environ) if store else None


def _decode_entry(entry: _Entry) -> RegistryLogin | None:
    if entry.identitytoken:
        return RegistryLogin(token=entry.identitytoken)
    try:
        user, colon, password = base64.b64decode(entry.auth or "", validate=True).decode().partition(":")
    except ValueError:  # neither base64 nor UTF-8
        return None
    return RegistryLogin(user, password) if colon else None


def _ask_helper(helper: str, server: str, environ: Mapping[str, str]) -> RegistryLogin | None:
    """Return the answer of `docker-credential-HELPER get`; None when it knows no such server or is not installed."""
    try:
        result = process.run(
            (f"docker-credential-{helper}", "get"), stdin=server.encode(), env=environ, timeout=30, check=False
        )
        answer = json.loads(result.stdout) if result.returncode == 0 else {}
    except (ProgramMissingError, process.ProcessFailedError, ValueError):
        return None
    if answer.get("Username") == "<token>":
        return RegistryLogin(token=answer.get("Secret", ""))
    return RegistryLogin(answer["Username"], answer.get("Secret", "")) if answer.get("Username") else None
