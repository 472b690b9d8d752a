"""Read a checkout of git by its files, without starting git: the commit, and the address that it was cloned from."""

from __future__ import annotations

from pathlib import Path

from .named_paths import is_file


def find_checkout(root: Path) -> Path | None:
    """Return the folder of the checkout that `root` lies in, or None."""
    return next((folder for folder in (root, *root.parents) if _read_head(_find_git(folder))), None)


def read_revision(root: Path) -> str:
    """Return the commit that is checked out at `root` or above it, or `""`."""
    for folder in (root, *root.parents):
        git = _find_git(folder)
        if head := _read_head(git):
            return head if not head.startswith("ref: ") else _read_ref(git, head[5:])
    return ""


def read_origin(checkout: Path) -> str:
    """Return the URL of the remote `origin` of a checkout, as its configuration has it, or `""`."""
    import configparser

    config = configparser.RawConfigParser(strict=False)
    try:
        git = _find_git(checkout)
        config.read(git / "config" if is_file(git / "config") else _find_common(git) / "config", encoding="utf-8")
        return config.get('remote "origin"', "url", fallback="")
    except (OSError, UnicodeDecodeError, configparser.Error):
        return ""


def _find_git(folder: Path) -> Path:
    """Return the folder of git's own files, `.git` or where it leads to. Of a folder without one it is not there."""
    git = folder / ".git"
    try:
        if is_file(git):  # a worktree or submodule: `gitdir: PATH`
            return (folder / git.read_text().partition(":")[2].strip()).resolve()
    except (OSError, UnicodeDecodeError):
        pass
    return git


def _read_head(git: Path) -> str:
    try:
        return (git / "HEAD").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _find_common(git: Path) -> Path:
    """Return the folder that all worktrees share. Errors: OSError, UnicodeDecodeError."""
    common = git / "commondir"
    return (git / common.read_text().strip()).resolve() if is_file(common) else git


def _read_ref(git: Path, name: str) -> str:
    try:
        folders = list(dict.fromkeys((git, _find_common(git))))
        for folder in folders:
            if is_file(folder / name):
                return (folder / name).read_text().strip()
        packed = (folders[-1] / "packed-refs").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.partition(" ")[0] for line in packed if line.endswith(f" {name}")), "")
