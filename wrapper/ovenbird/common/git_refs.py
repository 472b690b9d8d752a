"""Find the commit of a branch, a tag or a commit among the references of a repository."""

from __future__ import annotations

import re

from ..errors import GitRefNotFoundError
from .did_you_mean import did_you_mean
from .git_url import GitSource
from .text import show_value


def resolve_ref(refs: dict[str, str], source: GitSource) -> str:
    """Return the revision to fetch: the full name of a reference, or a commit, which may be short.

    A full commit is never taken for a branch of that name. Errors: GitRefNotFoundError, with similar names.
    """
    ref = source.ref
    if not refs:
        raise GitRefNotFoundError(f"{source.display_url}: the repository has no commit")
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", ref):
        return ref
    if not ref:
        if "HEAD" in refs:
            return "HEAD"
        hint = "name one: " + ", ".join(f"#{name}" for name in _short_names(refs)[:5])
        raise GitRefNotFoundError(f"{source.display_url}: the repository has no default branch", hint=hint)
    for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
        if name in refs and (name.startswith("refs/") or name == "HEAD"):
            return name
    if re.fullmatch(r"[0-9a-f]{7,63}", ref):
        tips = {commit for commit in refs.values() if commit.startswith(ref)}
        return tips.pop() if len(tips) == 1 else ref
    raise ref_not_found_error(refs, source)


def ref_not_found_error(refs: dict[str, str], source: GitSource) -> GitRefNotFoundError:
    """Return the error of a reference that does not exist, with similar names as hint."""
    names = _short_names(refs)
    parts = [name for name in names if source.ref in name][:3]
    hint = did_you_mean(source.ref, names, cutoff=0.5) or did_you_mean(source.ref, parts, cutoff=0)
    hint = hint or f"it has {', '.join(map(show_value, names[:8]))}"
    return GitRefNotFoundError(
        f"{source.display_url}: has no branch, tag or commit {show_value(source.ref)}", hint=hint
    )


def _short_names(refs: dict[str, str]) -> list[str]:
    """Return the names of branches, then of tags, as people write them."""
    heads = [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")]
    return heads + [name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/")]
