"""A git repository: one commit of it, at depth 1, with its submodules and its large files, without its history."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ovenbird.common.did_you_mean import did_you_mean
from ovenbird.common.git_refs import ref_not_found_error, resolve_ref
from ovenbird.common.git_url import GitSource, parse
from ovenbird.common.text import show_value
from ovenbird.common.units import show_size

from ..errors import (
    ProgramMissingError,
    SourceAuthError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
    UnsafeSourceError,
)
from ..host.process import ProcessFailedError, ProcessTimedOutError
from .fetcher import FetchedSource, FetchRequest
from .path_rules import DEPTH, check_member
from .submodule_url import check_host, resolve_lfs_url, resolve_submodule

if TYPE_CHECKING:
    from .git_command import Git, GitEnvironment

_DEEP = 8  # submodules within submodules
_LFS_URL = re.compile(r"lfs(push)?url$|^lfs\.(push)?url$")  # of a `.lfsconfig`
_DENIED = re.compile(
    r"authentication failed|could not read (username|password)|terminal prompts disabled|permission denied"
    r"|returned error: 40[13]|http code = 40[13]|host key verification failed|authentication required"
    r"|authorization error|dubious ownership",
    re.I,
)
_MISSING = re.compile(r"not found|does not exist|not appear to be a git|returned error: 404|no such (file|repos)", re.I)
_UNADVERTISED = re.compile(r"not our ref|unadvertised object|couldn't find remote ref|remote error: upload-pack", re.I)


def fetch(order: FetchRequest) -> FetchedSource:
    """Fetch the files of one commit. Errors: ProgramMissingError without git; the subclasses of SourceError."""
    source = parse(order.function.source)
    if not shutil.which("git", path=order.environ.get("PATH")):
        raise ProgramMissingError("the program 'git' is not installed", hint="`apt-get install git`")
    from .git_command import prepare_environment

    checkout = _Checkout(order, prepare_environment(order, source), source)
    try:
        commit, epoch = checkout.check_out(source, order.work, 0)
        if order.versions:
            checkout.add_version_files(source, order.work, commit)
    except ProcessFailedError as error:
        raise _translate_git_error(error, source, order) from None
    folder = _find_subfolder(order.work, source)
    ref = source.ref + (f":{source.subfolder}" if source.subfolder else "")
    uri = f"git+{source.display_url}" + (f"#{ref}" if ref else "")
    return FetchedSource(folder, uri, commit, epoch, warnings=tuple(checkout.warnings))


class _Checkout:
    """One checkout of a repository with its submodules; the limits hold for all of them together."""

    def __init__(self, order: FetchRequest, environment: GitEnvironment, source: GitSource) -> None:
        self.order, self.environment, self.source = order, environment, source
        self.size = self.files = 0
        self.warnings: list[str] = []

    def check_out(self, source: GitSource, folder: Path, depth: int) -> tuple[str, int]:
        """Check a commit out into `folder`. Return its full hash and its time in seconds."""
        from .git_command import Git, list_refs

        git = Git(folder, self.environment)
        refs = list_refs(git, source)
        revision = resolve_ref(refs, source)
        kind = "sha256" if len(next(iter(refs.values()))) == 64 else "sha1"
        git.init("--quiet", "--template=", f"--object-format={kind}", ".")
        git.config("remote.origin.url", source.url)  # git-lfs asks it where the large files are
        commit = self._fetch_commit(git, source, revision, refs)
        submodules = self._list_submodules(folder, source, commit)
        if self.environment.lfs:
            self._check_lfs(git, source, commit)
        git.checkout("--quiet", "--force", "--detach", commit)
        epoch = int(git.log("-1", "--format=%ct", commit))
        if submodules:
            self._fetch_submodules(git, source, submodules, depth)
        return commit, epoch

    def add_version_files(self, source: GitSource, folder: Path, commit: str) -> None:
        """Write what a build learns from tags into a checkout. Errors: ProcessFailedError."""
        from .git_command import Git
        from .git_versions import add_version_files

        add_version_files(Git(folder, self.environment), source.url, commit)

    def _fetch_commit(self, git: Git, source: GitSource, revision: str, refs: dict[str, str]) -> str:
        """Fetch a revision and return its full hash. Fetch the history only if the server gives no single commit."""
        plain = ("--quiet", "--no-tags", "--no-recurse-submodules")
        if revision.startswith("refs/") or revision == "HEAD" or len(revision) in (40, 64):
            try:
                git.fetch(*plain, "--depth=1", "--", source.url, revision)
                return str(git.rev_parse("--verify", "--quiet", "FETCH_HEAD^{commit}")).strip()
            except ProcessFailedError as error:
                if error.argv[1] == "rev-parse":
                    raise SourceError(f"{source.display_url}: {show_value(source.ref)} is not a commit") from None
                if revision.startswith("refs/") or not _UNADVERTISED.search(error.output):
                    raise
        every = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        git.fetch(*plain, "--", source.url, *every)
        try:
            return str(git.rev_parse("--verify", "--quiet", f"{revision}^{{commit}}")).strip()
        except ProcessFailedError:
            raise ref_not_found_error(refs, source) from None

    def _list_submodules(self, folder: Path, source: GitSource, commit: str) -> dict[str, str]:
        """Check the size of a commit before it is written. Return its submodules: path -> commit."""
        from .git_command import Git

        links: dict[str, str] = {}
        lfs = False

        def line(text: str) -> None:
            nonlocal lfs
            entry = re.fullmatch(r"(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t(.*)", text)
            if not entry:
                return
            if entry[5].count("/") > DEPTH:
                check_member(entry[5].strip('"'), source.display_url)
            self.files += 1
            self.size += int(entry[4]) if entry[4].isdigit() else 0
            if self.files > self.order.limits.files or self.size > self.order.limits.size:
                most = f"{show_size(self.order.limits.size)} or {self.order.limits.files} files"
                raise UnsafeSourceError(
                    f"{source.display_url}: the commit {commit[:12]} holds more than {most}",
                    hint="`OVENBIRD_SOURCE_LIMIT`, `OVENBIRD_SOURCE_FILES`",
                )
            if entry[2] == "commit":
                links[entry[5]] = entry[3]

        Git(folder, self.environment, line).ls_tree("-r", "-l", "--full-tree", commit)
        if not self.environment.lfs:
            lfs = _has_lfs_files(Git(folder, self.environment), commit)
        if lfs:
            self.warnings.append(
                f"{source.display_url}: some files are kept by git-lfs, which is not installed:"
                " only their pointers are here"
            )
        return links

    def _check_lfs(self, git: Git, source: GitSource, commit: str) -> None:
        """Refuse a `.lfsconfig` that sends git-lfs to a host which is not allowed; it is read as git-lfs does."""
        try:
            git.cat_file("-e", f"{commit}:.lfsconfig")
        except ProcessFailedError:
            return
        try:
            text = git.config(f"--blob={commit}:.lfsconfig", "--no-includes", "--null", "--list")
        except ProcessFailedError as error:
            from .git_command import describe_failure

            raise SourceError(
                f"{source.display_url}: its `.lfsconfig` cannot be read: {describe_failure(error)}"
            ) from None
        for entry in text.split("\0"):
            key, _, value = entry.partition("\n")
            if key.startswith(("include.", "includeif.")):
                raise UnsafeSourceError(
                    f"{source.display_url}: {key} of `.lfsconfig` is not followed", hint="leave it out"
                )
            if _LFS_URL.search(key) or "://" in value:
                setting = f"{key} of .lfsconfig"
                check_host(self.source, resolve_lfs_url(source, value, key), setting, self.order)

    def _fetch_submodules(self, git: Git, source: GitSource, links: dict[str, str], depth: int) -> None:
        """Fetch each submodule by ourselves: `git submodule` would run what `.gitmodules` asks for."""
        if depth >= _DEEP:
            raise UnsafeSourceError(f"{source.display_url}: has submodules within submodules, {_DEEP} deep")
        urls = _read_gitmodules(git, source)
        for path, commit in sorted(links.items()):
            check_member(path, source.display_url)
            if path not in urls:
                self.warnings.append(
                    f"{source.display_url}: {show_value(path)} is a submodule that `.gitmodules` does not know;"
                    " left empty"
                )
                continue
            folder = git.folder
            for part in path.split("/"):
                folder /= part
                if folder.is_symlink() or not folder.is_dir():
                    raise UnsafeSourceError(
                        f"{source.display_url}: the submodule {show_value(path)} is out of the tree"
                    )
            inner = resolve_submodule(source, urls[path], path)
            check_host(self.source, inner, f"the submodule {show_value(path)}", self.order)
            try:
                self.check_out(replace(inner, ref=commit), folder, depth + 1)
            except ProcessFailedError as error:
                raise _translate_git_error(error, inner, self.order) from None


def _has_lfs_files(git: Git, commit: str) -> bool:
    try:
        git.grep("--quiet", "--fixed-strings", "-e", "filter=lfs", commit, "--", ":(glob)**/.gitattributes")
    except ProcessFailedError:
        return False
    return True


def _read_gitmodules(git: Git, source: GitSource) -> dict[str, str]:
    """Return path -> URL of each submodule in `.gitmodules`. Errors: UnsafeSourceError for a path out of the tree."""
    try:
        text = git.config("--blob=HEAD:.gitmodules", "--no-includes", "--null", "--list")
    except ProcessFailedError:
        return {}
    values = dict(entry.partition("\n")[::2] for entry in text.split("\0") if entry)
    urls: dict[str, str] = {}
    for key, path in values.items():
        if key.startswith("submodule.") and key.endswith(".path"):
            check_member(path, f"{source.display_url}: .gitmodules")
            urls[path] = values.get(f"{key.removesuffix('.path')}.url", "")
    return {path: url for path, url in urls.items() if url}


def _find_subfolder(work: Path, source: GitSource) -> Path:
    """Return the subfolder that the URL names. Errors: SourceMissingError; UnsafeSourceError when a link leads out."""
    folder = work
    for part in [part for part in source.subfolder.split("/") if part not in ("", ".")]:
        if not (folder / part).is_dir() or part == ".git":
            raise SourceMissingError(
                f"{source.display_url}: has no folder {show_value(source.subfolder)}",
                hint=did_you_mean(part, [entry.name for entry in folder.iterdir() if entry.is_dir()]),
            )
        folder /= part
        if folder.is_symlink():
            raise UnsafeSourceError(f"{source.display_url}: the folder {show_value(source.subfolder)} is a link")
    return folder


def _translate_git_error(error: ProcessFailedError, source: GitSource, order: FetchRequest) -> SourceError:
    """Return the SourceError for a failure of git."""
    from .git_command import describe_failure

    if isinstance(error, ProcessTimedOutError):
        return order.timeout_error(source.display_url)
    text, message = error.output, f"{source.display_url}: {describe_failure(error)}"
    if "No space left" in text:
        return SourceError(f"{source.display_url}: the disk is full", hint="nothing was kept")
    if "transport '" in text and "not allowed" in text:
        return UnsafeSourceError(message)
    if _DENIED.search(text):
        hint = "credentials: `GIT_TOKEN`, `GIT_USERNAME` and `GIT_PASSWORD`, .netrc or a credential helper of git"
        if source.scheme == "ssh":
            hint = "is the key in the agent, and the host in `known_hosts`?"
        if source.scheme == "file":
            hint = "`git config --global --add safe.directory PATH`"
        return SourceAuthError(message, hint=hint)
    if _MISSING.search(text):
        return SourceMissingError(
            message, hint="check the address; a private repository may say so without credentials"
        )
    return SourceUnreachableError(message)
