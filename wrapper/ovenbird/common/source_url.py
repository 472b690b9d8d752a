"""URLs of sources: their form, their redacted text, and their credentials."""

from __future__ import annotations

import netrc
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ..errors import SourceUrlError, UnsafeSourceUrlError
from .named_paths import is_file
from .redact import redact_url
from .text import show_value
from .url_port import PORT_HINT, describe_bad_port
from .user_folders import find_home

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user name and a password. Its repr shows neither."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(***)"


def split(url: str) -> SplitResult:
    """Return the parts of a URL. Errors: SourceUrlError; UnsafeSourceUrlError for control characters and odd hosts."""
    if re.search(r"[\x00-\x20\x7f]", url):
        raise UnsafeSourceUrlError(
            f"{redact_url(url)!a}: a URL must not contain spaces or line breaks", hint="write `%20` for a space"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise SourceUrlError(f"{show_value(redact_url(url))} is not a URL: {error}") from None
    if reason := describe_bad_port(url):
        raise SourceUrlError(f"{show_value(redact_url(url))} is not a URL: {reason}", hint=PORT_HINT)
    name = parts.netloc.rpartition("@")[2]
    if host and not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise UnsafeSourceUrlError(f"{show_value(redact_url(url))}: {show_value(name)} is not a host name")
    return parts


def url_credentials(parts: SplitResult) -> Credentials | None:
    """Return the credentials that a URL carries; None without any."""
    if parts.username is None:
        return None
    return Credentials(unquote(parts.username), unquote(parts.password or ""))


def strip_credentials(parts: SplitResult) -> str:
    """Return the URL without its credentials and without its fragment."""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def display_url(parts: SplitResult) -> str:
    """Return the URL for people and for what is published: redacted, without its query, which may be signed."""
    if not parts.scheme:  # `//user:password@host/path`, which is not a URL to `redact_url`
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return redact_url(urlunsplit(parts._replace(query="", fragment="")))


def netrc_login(host: str, environ: Mapping[str, str]) -> Credentials | None:
    """Return the credentials for a host in the file `NETRC`, or in the `.netrc` of the user's home; None without any.

    Errors: SourceUrlError for a file that cannot be read.
    """
    home = find_home(environ)
    path = Path(environ["NETRC"]) if environ.get("NETRC") else home and home / ".netrc"
    if path is None or not is_file(path):
        return None
    try:
        entry = netrc.netrc(str(path)).authenticators(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        reason = f"line {error.lineno}" if isinstance(error, netrc.NetrcParseError) else type(error).__name__
        raise SourceUrlError(f"cannot read {show_value(str(path))}: {reason}") from None
    return Credentials(entry[0] or "", entry[2] or "") if entry else None
