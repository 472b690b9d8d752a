"""What a submodule's address may be, and over which protocols git may reach a source and its submodules."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ovenbird.common.git_url import GitSource, parse
from ovenbird.common.redact import redact_text
from ovenbird.common.text import show_value
from ovenbird.errors import SourceUrlError

from ..errors import UnsafeSourceError
from .fetcher import FetchRequest

_SCP = re.compile(r"(?:([\w.+-]+)@)?([\w.-]+):(?!//)(.+)")
# from a source by the first, a submodule by one of the second; never a file, which may be anyone's on this machine
_FROM = {
    "https": ("https", "ssh"), "http": ("http", "https", "ssh"), "ssh": ("https", "ssh"),
    "file": ("https", "ssh"),
}  # fmt: skip


def resolve_submodule(base: GitSource, url: str, name: str, kind: str = "the submodule") -> GitSource:
    """Return the address of a submodule, `url` as `.gitmodules` has it, possibly relative to `base`.

    Errors: UnsafeSourceError for any protocol that a submodule has no need of, and for a way out of the server.
    """
    subject = f"{base.display_url}: {kind} {show_value(name)}"
    if re.search(r"[\x00-\x20\x7f]", url) or url.startswith("-"):
        raise UnsafeSourceError(f"{subject} has an invalid URL {show_value(url)}")
    if url.startswith(("./", "../")):
        url = _join_url(base.url, url, subject)
    elif "://" not in url and (match := _SCP.fullmatch(url)) and not url.startswith(("/", ".")) and "::" not in url:
        url = f"ssh://{match[1] + '@' if match[1] else ''}{match[2]}/{match[3].lstrip('/')}"
    scheme = url.partition("://")[0].lower() if "://" in url and "::" not in url else ""
    if scheme not in _FROM[base.scheme]:
        raise UnsafeSourceError(
            f"{subject} is to come from {show_value(redact_text(url))}; from a {base.scheme} source, "
            f"only {' and '.join(_FROM[base.scheme])} are followed",
        )
    try:
        return parse(url)
    except SourceUrlError as error:
        raise type(error)(f"{subject}: {error.message}", hint=error.hint) from None


def check_host(base: GitSource, inner: GitSource, subject: str, order: FetchRequest) -> None:
    """Refuse what a repository names on another host than the source's own, unless that host is allowed by hand.

    `base` is the address of the source, and never of one of its submodules. Errors: UnsafeSourceError.
    """
    host, own = (urlsplit(address.url).hostname or "" for address in (inner, base))
    if host.rstrip(".") not in {own.rstrip("."), *order.network.hosts}:
        raise UnsafeSourceError(
            f"{base.display_url}: {subject} is on the host {show_value(host)}, which the source does not name",
            hint=f"`--allow-host {host}` allows it",
        )


def resolve_lfs_url(base: GitSource, url: str, key: str) -> GitSource:
    """Return the address of a git-lfs server, `url` as `.lfsconfig` has it. Errors: UnsafeSourceError."""
    return resolve_submodule(base, url, f"{key} of .lfsconfig", "the setting")


def list_protocols(source: GitSource) -> str:
    """Return which protocols git may use for a source, as `GIT_ALLOW_PROTOCOL` has it."""
    return ":".join(sorted({source.scheme, *_FROM[source.scheme]}))


def _join_url(base: str, url: str, subject: str) -> str:
    """Resolve a URL relative to a repository, as git does: each `../` takes one part off the end."""
    head, _, path = base.partition("://")
    host, _, path = path.partition("/")
    parts = [part for part in path.split("/") if part]
    for step in url.split("/"):
        if step == "..":
            if not parts:
                raise UnsafeSourceError(f"{subject} has the URL {show_value(url)}, which leaves the server")
            parts.pop()
        elif step not in ("", "."):
            parts.append(step)
    return f"{head}://{host}/{'/'.join(parts)}"
