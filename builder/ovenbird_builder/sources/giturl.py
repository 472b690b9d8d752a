"""Where a git source lies: `git+https://host/repo#ref`, `#ref:subfolder`, `#ref&subdirectory=subfolder`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import SourceError, UnsafeSourceError
from . import address
from .address import Login

# what git's own rules for names of references forbid, and what would make an option, a range or an expression of one
_NOT_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$|^@$")
_SCP = re.compile(r"(?:([\w.+-]+)@)?([\w.-]+):(?!//)(.+)")
# from a source by the first, a submodule by one of the second; never a file, which may be anyone's on this machine
_FROM = {
    "https": ("https", "ssh"), "http": ("http", "https", "ssh"), "ssh": ("https", "ssh"),
    "file": ("https", "ssh"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GitAddress:
    """A repository and a place in it. `url` is what git is given, without credentials; `shown` is for people."""

    url: str
    scheme: str
    ref: str
    subfolder: str
    login: Login | None
    shown: str
    origin: str  # scheme, host and port: where credentials are sent, and nowhere else


def parse(source: str) -> GitAddress:
    """The address of a git source. Errors: SourceError; UnsafeSourceError for what could be an option or a command."""
    text, _, fragment = source.removeprefix("git+").partition("#")
    parts = address.split(text)
    shown = address.shown(parts)
    _check(parts.scheme, parts.hostname or "", parts.username or "", shown)
    if parts.scheme == "file" and not parts.path.startswith("/"):
        raise SourceError(f"{shown!r} names no folder", hint="git+file:///path/to/repository")
    ref, subfolder = _fragment(fragment, shown)
    if parts.scheme == "ssh":
        user = f"{parts.username}@" if parts.username else ""
        host = parts.netloc.rpartition("@")[2]
        shown = url = f"ssh://{user}{host}{parts.path}"
        login = None
    else:
        url, login = address.bare(parts), address.login(parts)
    netloc = parts.netloc.rpartition("@")[2]
    return GitAddress(url, parts.scheme, ref, subfolder, login, shown, f"{parts.scheme}://{netloc}")


def credentials(found: GitAddress, environ: Mapping[str, str]) -> Login | None:
    """What git is told when the repository's own server asks: the URL's, `GIT_TOKEN`, or a name and a password.

    Errors: SourceError for a value of more than one line.
    """
    if found.scheme not in ("http", "https"):
        return None
    token = environ.get("GIT_TOKEN", "").strip()  # from a file it comes with a newline
    username, password = environ.get("GIT_USERNAME", "").strip(), environ.get("GIT_PASSWORD", "").strip("\r\n")
    for name, value in (("GIT_TOKEN", token), ("GIT_USERNAME", username), ("GIT_PASSWORD", password)):
        if re.search(r"[\x00-\x1f]", value):
            raise SourceError(f"{name} holds a line break or another control character")
    given = found.login
    if given and re.search(r"[\x00-\x1f]", given.username + given.password):
        raise UnsafeSourceError(f"{found.shown}: its credentials hold a control character")
    if given and given.password:
        return given
    if token:
        known = token.startswith(("github_pat_", "glpat", "ghp_"))
        return Login("oauth2", token) if known else Login(token, "x-oauth-basic")
    if password:
        return Login(username or (given.username if given else ""), password)
    return given


def submodule(base: GitAddress, url: str, name: str) -> GitAddress:
    """The address of a submodule, `url` as `.gitmodules` has it, possibly relative to `base`.

    Errors: UnsafeSourceError for any protocol that a submodule has no need of, and for a way out of the server.
    """
    what = f"{base.shown}: the submodule {name!r}"
    if re.search(r"[\x00-\x20\x7f]", url) or url.startswith("-"):
        raise UnsafeSourceError(f"{what} has the URL {url!a}, which is none")
    if url.startswith(("./", "../")):
        url = _relative(base.url, url, what)
    elif "://" not in url and (found := _SCP.fullmatch(url)) and not url.startswith(("/", ".")) and "::" not in url:
        url = f"ssh://{found[1] + '@' if found[1] else ''}{found[2]}/{found[3].lstrip('/')}"
    scheme = urlsplit(url).scheme if "://" in url and "::" not in url else ""
    if scheme not in _FROM[base.scheme]:
        raise UnsafeSourceError(
            f"{what} is to come from {address.clean(url)!r}; from a {base.scheme} source, "
            f"only {' and '.join(_FROM[base.scheme])} are followed",
        )
    try:
        return parse(url)
    except SourceError as error:
        raise type(error)(f"{what}: {error.message}", hint=error.hint) from None


def protocols(found: GitAddress) -> str:
    """Which protocols git may use for a source, as `GIT_ALLOW_PROTOCOL` has it."""
    return ":".join(sorted({found.scheme, *_FROM[found.scheme]}))


def _check(scheme: str, host: str, user: str, shown: str) -> None:
    if scheme not in _FROM:
        raise UnsafeSourceError(f"{shown!r}: git is used over {', '.join(_FROM)}, not over {scheme!r}")
    if scheme == "file":
        if host not in ("", "localhost"):
            raise SourceError(f"{shown!r} names the host {host!r}", hint="git+file:///path has three slashes")
    elif not host:
        raise SourceError(f"{shown!r} names no host")
    if scheme == "ssh" and user and not re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", user):
        raise UnsafeSourceError(f"{shown!r}: {user!r} is not the name of a user")


def _fragment(text: str, shown: str) -> tuple[str, str]:
    """The reference and the subfolder of a fragment."""
    ref, _, more = text.partition("&") if not text.startswith("subdirectory=") else ("", "", text)
    ref, _, subfolder = ref.partition(":")
    if more:
        key, _, value = more.partition("=")
        if key != "subdirectory" or not value or subfolder:
            raise SourceError(f"{shown}: {more!r} after the reference is not known", hint="#ref&subdirectory=path")
        subfolder = value
    if ref and _NOT_A_REF.search(ref):
        raise UnsafeSourceError(f"{shown}: {ref!a} is not the name of a branch, a tag or a commit")
    if subfolder and (
        subfolder.startswith("/") or ".." in subfolder.split("/") or re.search(r"[\x00-\x1f\x7f]", subfolder)
    ):
        raise UnsafeSourceError(f"{shown}: the subfolder {subfolder!a} leaves the repository")
    return ref, subfolder.strip("/")


def _relative(base: str, url: str, what: str) -> str:
    """A URL relative to a repository, as git reads it: each `../` takes one part off the end."""
    head, _, path = base.partition("://")
    host, _, path = path.partition("/")
    parts = [part for part in path.split("/") if part]
    for step in url.split("/"):
        if step == "..":
            if not parts:
                raise UnsafeSourceError(f"{what} has the URL {url!r}, which leaves the server")
            parts.pop()
        elif step not in ("", "."):
            parts.append(step)
    return f"{head}://{host}/{'/'.join(parts)}"
