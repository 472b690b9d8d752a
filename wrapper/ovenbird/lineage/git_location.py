"""Where the source of a function lies in git: repository, path, commit, and a URL for people."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from ..common.git_checkout import find_checkout, read_origin, read_revision
from ..common.redact import redact_url
from .reported_run import ReportedRun

_BROWSE = {"github": "blob", "gitlab": "-/blob", "bitbucket": "src"}  # by a word in the name of the host


class GitLocation(NamedTuple):
    """`repository` is an address that git takes, `url` leads to the file, as far as it is known how a host shows it."""

    url: str
    repository: str
    path: str
    revision: str


def locate_source(run: ReportedRun) -> GitLocation | None:
    """Return the location of the function's module; None where it is in no checkout with a remote `origin`."""
    checkout = find_checkout(run.root)
    source = run.source.removeprefix("git+").partition("#")[0] if run.source.startswith("git+") else ""
    address = source or (read_origin(checkout) if checkout else "")
    if not checkout or not address:
        return None
    module = Path(run.root, *run.handler.partition(":")[0].split("."))
    path = module.with_suffix(".py") if module.with_suffix(".py").exists() else module
    name = path.relative_to(checkout).as_posix()
    revision, page = read_revision(checkout), _find_page(address)
    if not page:
        return None
    kind = next((word for host, word in _BROWSE.items() if host in urlsplit(page).netloc), "")
    url = f"{page}/{kind}/{revision}/{quote(name)}" if kind and revision else page
    return GitLocation(url, _redact_address(address), name, revision)


def _find_page(address: str) -> str:
    """Return the page of a repository: `https://HOST/PATH` for `git@HOST:PATH.git` and `ssh://git@HOST/PATH.git`.

    It is empty for a relative path, which means nothing elsewhere.
    """
    address = _redact_address(address).removesuffix("/").removesuffix(".git")
    if "://" not in address and ":" in address:  # as scp writes it
        host, _, path = address.partition(":")
        return f"https://{host.rpartition('@')[2]}/{path.lstrip('/')}"
    parts = urlsplit(address)
    if parts.scheme in ("ssh", "git"):
        return f"https://{parts.hostname}{parts.path}"
    if parts.scheme in ("http", "https"):
        return address
    folder = Path(address.removeprefix("file://"))
    return folder.as_uri() if folder.is_absolute() else ""


def _redact_address(address: str) -> str:
    return redact_url(address) if "://" in address else address
