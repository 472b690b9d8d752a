"""Which registries may be spoken to without TLS, or without checking it: registries.conf says, and loopback may."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ovenbird.common.named_paths import is_file
from ovenbird.common.text import show_value
from ovenbird.common.user_folders import find_config_folder

from ..errors import BuildRequestError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Registry(Struct):
    """A `[[registry]]`."""

    prefix: str = ""
    location: str = ""
    insecure: bool = False


class _Names(Struct):
    """A list of registries, in the first form of the file."""

    registries: list[str] = []


class _Lists(Struct):
    """The lists of the first form."""

    insecure: _Names = msgspec.field(default_factory=_Names)


class _Config(Struct):
    """What is read of a registries.conf, in its second and in its first form."""

    registry: list[_Registry] = []
    registries: _Lists = msgspec.field(default_factory=_Lists)


def is_insecure(host: str, environ: Mapping[str, str]) -> bool:
    """Return whether `host[:port]` is marked insecure, or is this machine itself, where nobody can listen in."""
    return _is_loopback(host) or any(_is_entry_for(entry, host) for entry in _list_insecure(environ))


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _list_insecure(environ: Mapping[str, str]) -> list[str]:
    """Return the prefixes that the first registries.conf marks as insecure, in its second or its first form."""
    config_folder = find_config_folder(environ)
    named = environ.get("CONTAINERS_REGISTRIES_CONF") or environ.get("REGISTRIES_CONFIG_PATH")
    own = [config_folder / "containers/registries.conf"] if config_folder else []
    paths = [Path(named)] if named else [*own, Path("/etc/containers/registries.conf")]
    path = next((candidate for candidate in paths if is_file(candidate)), None)
    if path is None:
        return []
    try:
        config = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Config)
    except (OSError, ValueError, RecursionError) as error:
        raise BuildRequestError(f"cannot read {show_value(str(path))}: {error}") from None
    marked = [row.prefix or row.location for row in config.registry if row.insecure]
    return [*marked, *config.registries.insecure.registries]


def _is_entry_for(entry: str, host: str) -> bool:
    name = entry.partition("/")[0]
    return name == host or (name.startswith("*.") and host.partition(":")[0].endswith(name[1:]))
