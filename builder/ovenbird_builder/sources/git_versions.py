"""What a build learns of its version from a repository's tags, written into the checkout: there is no `.git` later.

It is what `git archive` writes, which setuptools-scm, hatch-vcs and versioneer read where they find no repository, and
no git, as in a container of a base: `.git_archival.txt`, and files with the attribute `export-subst`.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.process import ProcessFailedError

if TYPE_CHECKING:
    from .git_command import Git

ARCHIVAL = ".git_archival.txt"
_TOOLS = (
    "setuptools[-_]scm|hatch[-_]vcs|vcs[-_]versioning|versioneer|versioningit|dynamic[-_]versioning|dunamai|pbr"
    "|source *= *.(scm|vcs).|git[-_]versioning"
)
_PROJECT_FILES = tuple(f":(glob)**/{name}" for name in ("pyproject.toml", "setup.py", "setup.cfg"))
_REFNAMES = re.compile(r"""(?m)^(?P<before>\s*git_refnames = )(?P<quote>["'])(?P<refs>[^"'\n]*)(?P=quote)""")


def add_version_files(git: Git, url: str, commit: str) -> None:
    """Write what names the version of `commit` into its checkout, where a file of a project asks for tags.

    The history and the tags are fetched for it, without the files of other commits where the server can leave these
    out. Errors: ProcessFailedError.
    """
    if not _needs_tags(git, commit):
        return
    _fetch_history(git, url)
    name = _describe(git, commit)
    _expand(git, commit, name)
    path = git.folder / ARCHIVAL
    if path.is_symlink() or (path.exists() and "$Format" not in path.read_text("utf-8", "replace")):
        return
    node, date, refs = str(git.log("-1", "--format=%H%n%cI%n%D", "--decorate=short", commit)).split("\n")[:3]
    path.write_text(f"node: {node}\nnode-date: {date}\ndescribe-name: {name}\nref-names: {refs}\n", encoding="utf-8")


def _needs_tags(git: Git, commit: str) -> bool:
    if str(git.ls_files("--", ":(attr:export-subst)")).strip():
        return True
    try:
        git.grep("--quiet", "--extended-regexp", "-e", _TOOLS, commit, "--", *_PROJECT_FILES)
    except ProcessFailedError:
        return False
    return True


def _fetch_history(git: Git, url: str) -> None:
    deepen = ["--unshallow"] if (git.folder / ".git" / "shallow").exists() else []
    plain = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *deepen)
    refs = ("--", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    try:
        git.execute(["git", *plain, "--filter=tree:0", *refs])
    except ProcessFailedError:  # a server or a git that cannot filter
        git.execute(["git", *plain, *refs])


def _describe(git: Git, commit: str) -> str:
    """Return the nearest tag with a digit, and how far it is: `v1.2-3-g0123456789`; empty without one.

    The hash has a fixed length: git's own grows with the repository, and a build would not repeat.
    """
    try:
        return str(git.describe("--tags", "--abbrev=10", "--match=*[0-9]*", commit)).strip()
    except ProcessFailedError:
        return ""


def _expand(git: Git, commit: str, name: str) -> None:
    """Fill in the `$Format$` of files with the attribute `export-subst`, by git itself."""
    names = [text for text in str(git.ls_files("-z", "--", ":(attr:export-subst)")).split("\0") if text]
    if not names:
        return
    archive = git.folder.parent / f"{git.folder.name}-substituted.zip"
    try:
        git.archive("--format=zip", f"--output={archive}", commit, "--", *(f":(literal){text}" for text in names))
        with zipfile.ZipFile(archive) as zip_file:
            for text in set(names) & set(zip_file.namelist()):
                path = git.folder / text
                if path.is_file() and not path.is_symlink():
                    path.write_bytes(_with_distance(zip_file.read(text), name))
    finally:
        archive.unlink(missing_ok=True)


def _with_distance(content: bytes, name: str) -> bytes:
    """Return the content with the version between two tags in versioneer's line, as its style `pep440` has it.

    versioneer takes a tag from an archive, and would say `0+unknown` for a commit after one.
    """
    match = re.fullmatch(r"(.+)-(\d+)-g([0-9a-f]+)", name)
    text = content.decode("utf-8", "surrogateescape")
    line = _REFNAMES.search(text)
    if not match or not line or "tag: " in line["refs"]:
        return content
    version = f"{match[1]}{'.' if '+' in match[1] else '+'}{match[2]}.g{match[3][:7]}"
    literal = repr(f"(tag: {version})")  # as Python source
    text = f"{text[: line.start()]}{line['before']}{literal}{text[line.end() :]}"
    return text.encode("utf-8", "surrogateescape")


def copy_to_subfolder(checkout: Path, subfolder: str) -> None:
    """Give the project in a subfolder the file of its version too: setuptools-scm looks beside the project."""
    source, folder = checkout / ARCHIVAL, (checkout / subfolder).resolve()
    inside = folder.is_dir() and folder.is_relative_to(checkout.resolve())
    if source.is_file() and inside and not os.path.lexists(folder / ARCHIVAL):
        shutil.copyfile(source, folder / ARCHIVAL)


def make_version_variables(folder: Path) -> dict[str, str]:
    """Return the variables that tell a version to tools which read none of these files: pbr, PDM's backend, Poetry's.

    Empty when no project in the checkout `folder` uses one of them, or no tag is known.
    """
    projects = (folder, *(path.parent for path in folder.rglob(ARCHIVAL)))
    text = "".join(
        _read(project / name) for project in projects for name in ("pyproject.toml", "setup.py", "setup.cfg")
    )
    match = re.search(r"(?m)^describe-name: (\S+)$", _read(folder / ARCHIVAL))
    if not match:
        return {}
    parts = re.fullmatch(r"(.+)-(\d+)-(g[0-9a-f]+)", match[1])
    tag, distance, node = parts.groups() if parts else (match[1], "", "")
    version = re.sub(r"^\D+", "", tag) + (f".post{distance}+{node}" if distance else "")
    tools = {
        "PBR_VERSION": r"\bpbr\b", "PDM_BUILD_SCM_VERSION": r"pdm[.-]backend",
        "POETRY_DYNAMIC_VERSIONING_BYPASS": r"poetry[-_]dynamic[-_]versioning",
    }  # fmt: skip
    return {variable: version for variable, pattern in tools.items() if re.search(pattern, text)}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
