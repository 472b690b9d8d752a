"""The URL of a git source: `git+https://host/repo#ref`, `#ref:subfolder`, `#ref&subdirectory=subfolder`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SourceUrlError, UnsafeSourceUrlError
from . import source_url
from .source_url import Credentials
from .text import show_value

SCHEMES = ("https", "http", "ssh", "file")
# forbidden by git's rules for references, or read by git as an option, a range or an expression
_NOT_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$|^@$")


@dataclass(frozen=True, slots=True)
class GitSource:
    """A repository, a ref and a subfolder. `url` has no credentials and goes to git; `display_url` is for people."""

    url: str
    scheme: str
    ref: str
    subfolder: str
    login: Credentials | None
    display_url: str
    origin: str  # scheme, host and port: where credentials are sent, and nowhere else


def parse(source: str) -> GitSource:
    """Return the parts of a git source.

    Errors: SourceUrlError; UnsafeSourceUrlError for what may be an option or a command.
    """
    text, _, fragment = source.removeprefix("git+").partition("#")
    parts = source_url.split(text)
    redacted = source_url.display_url(parts)
    _check_parts(parts.scheme, parts.hostname or "", parts.username or "", redacted)
    if parts.scheme == "file" and not parts.path.startswith("/"):
        raise SourceUrlError(f"{show_value(redacted)} has no path", hint="`git+file:///path/to/repository`")
    ref, subfolder = _parse_fragment(fragment, redacted)
    if parts.scheme == "ssh":
        user = f"{parts.username}@" if parts.username else ""
        host = parts.netloc.rpartition("@")[2]
        redacted = url = f"ssh://{user}{host}{parts.path}"
        login = None
    else:
        url, login = source_url.strip_credentials(parts), source_url.url_credentials(parts)
    netloc = parts.netloc.rpartition("@")[2]
    return GitSource(url, parts.scheme, ref, subfolder, login, redacted, f"{parts.scheme}://{netloc}")


def find_credentials(source: GitSource, environ: Mapping[str, str]) -> Credentials | None:
    """Return the credentials for the repository's own server: the URL's, `GIT_TOKEN`, or a name and a password.

    Errors: SourceUrlError for a value of more than one line.
    """
    if source.scheme not in ("http", "https"):
        return None
    token = environ.get("GIT_TOKEN", "").strip()  # from a file it comes with a newline
    username, password = environ.get("GIT_USERNAME", "").strip(), environ.get("GIT_PASSWORD", "").strip("\r\n")
    for name, value in (("GIT_TOKEN", token), ("GIT_USERNAME", username), ("GIT_PASSWORD", password)):
        if re.search(r"[\x00-\x1f]", value):
            raise SourceUrlError(f"{name} holds a line break or another control character")
    login = source.login
    if login and re.search(r"[\x00-\x1f]", login.username + login.password):
        raise UnsafeSourceUrlError(f"{source.display_url}: its credentials hold a control character")
    if login and login.password:
        return login
    if token:
        is_prefixed = token.startswith(("github_pat_", "glpat", "ghp_"))
        return Credentials("oauth2", token) if is_prefixed else Credentials(token, "x-oauth-basic")
    if password:
        return Credentials(username or (login.username if login else ""), password)
    return login


def _check_parts(scheme: str, host: str, user: str, redacted: str) -> None:
    if scheme not in SCHEMES:
        raise UnsafeSourceUrlError(
            f"{show_value(redacted)}: git is used over {', '.join(SCHEMES)}, not over {show_value(scheme)}"
        )
    if scheme == "file":
        if host not in ("", "localhost"):
            raise SourceUrlError(
                f"{show_value(redacted)} names the host {show_value(host)}", hint="`git+file:///path` has three slashes"
            )
    elif not host:
        raise SourceUrlError(f"{show_value(redacted)} has no host")
    if scheme == "ssh" and user and not re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", user):
        raise UnsafeSourceUrlError(f"{show_value(redacted)}: {show_value(user)} is not a user name")


def _parse_fragment(text: str, redacted: str) -> tuple[str, str]:
    """Return the reference and the subfolder of a fragment."""
    ref, _, more = text.partition("&") if not text.startswith("subdirectory=") else ("", "", text)
    ref, _, subfolder = ref.partition(":")
    if more:
        key, _, value = more.partition("=")
        if key != "subdirectory" or not value or subfolder:
            raise SourceUrlError(
                f"{redacted}: {show_value(more)} after the reference is not known", hint="`#ref&subdirectory=path`"
            )
        subfolder = value
    if ref and _NOT_A_REF.search(ref):
        raise UnsafeSourceUrlError(f"{redacted}: {ref!a} is not the name of a branch, a tag or a commit")
    if subfolder and (
        subfolder.startswith("/") or ".." in subfolder.split("/") or re.search(r"[\x00-\x1f\x7f]", subfolder)
    ):
        raise UnsafeSourceUrlError(f"{redacted}: the subfolder {subfolder!a} leaves the repository")
    return ref, subfolder.strip("/")
