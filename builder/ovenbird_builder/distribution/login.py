"""Who we are to a registry: from the files that podman, buildah, skopeo and docker keep, and their helpers."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ovenbird.common.text import show_value

from .. import process
from ..errors import ProgramMissingError, SpecError
from ..reference import Reference


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password; with a `token` instead, an identity token that is exchanged for others."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def login(reference: Reference, environ: Mapping[str, str], authfile: str = "") -> Login | None:
    """The login for a repository, from the first file that has one; None for an anonymous visit.

    Files: `--authfile`, REGISTRY_AUTH_FILE, podman's auth.json, docker's config.json. Errors: SpecError when a file
    that was named does not exist, or any is not JSON.
    """
    for path, named in _files(environ, authfile):
        if not path.is_file():
            if named:
                raise SpecError(f"{named}: there is no file {show_value(str(path))}")
            continue
        found = _in(_read(path), reference, environ)
        if found:
            return found
    return None


def _files(environ: Mapping[str, str], authfile: str) -> Iterator[tuple[Path, str]]:
    """Each file, with the name of the flag or variable that asked for it; as containers-auth.json(5) orders them."""
    if authfile or environ.get("REGISTRY_AUTH_FILE"):
        yield Path(authfile or environ["REGISTRY_AUTH_FILE"]), "--authfile" if authfile else "REGISTRY_AUTH_FILE"
        return
    home = Path(environ.get("HOME", "/root"))
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"]) / "containers" / "auth.json", ""
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json", ""
    yield Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json", ""


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what json says may quote a password
        raise SpecError(f"cannot read the credentials in {show_value(str(path))}: not JSON, or not readable") from None
    return found if isinstance(found, dict) else {}


def _in(config: dict[str, Any], reference: Reference, environ: Mapping[str, str]) -> Login | None:
    """The most specific entry of a file: `host/a/b`, then `host/a`, then `host`; then the host's helper."""
    parts = reference.repository.split("/")
    host = parts[0]
    keys = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
    if host == "docker.io":
        keys += ["https://index.docker.io/v1/", "index.docker.io"]
    helpers = config.get("credHelpers") or {}
    auths = config.get("auths") or {}
    for key in [*keys, f"https://{host}", f"https://{host}/v2/"]:
        if key in helpers and (found := _asked(helpers[key], key, environ)):
            return found
        if found := _decoded(auths.get(key) or {}):
            return found
    store = config.get("credsStore")
    server = keys[-2] if host == "docker.io" else host
    return _asked(store, server, environ) if store else None


def _decoded(entry: Mapping[str, str]) -> Login | None:
    if entry.get("identitytoken"):
        return Login(token=entry["identitytoken"])
    try:
        user, colon, password = base64.b64decode(entry.get("auth", ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Login(user, password) if colon else None


def _asked(helper: str, server: str, environ: Mapping[str, str]) -> Login | None:
    """What `docker-credential-HELPER get` says; None when it does not know the server or is not installed."""
    try:
        done = process.run(
            (f"docker-credential-{helper}", "get"), stdin=server.encode(), env=environ, timeout=30, check=False
        )
        told = json.loads(done.stdout) if done.returncode == 0 else {}
    except (ProgramMissingError, process.ProcessFailed, ValueError):
        return None
    if told.get("Username") == "<token>":
        return Login(token=told.get("Secret", ""))
    return Login(told["Username"], told.get("Secret", "")) if told.get("Username") else None
