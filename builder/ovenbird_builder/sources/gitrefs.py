"""List the references of a repository on its server, before anything is fetched."""

from __future__ import annotations

import re

from ovenbird.common.git_url import GitSource

from .git_command import Git


def list_refs(git: Git, source: GitSource) -> dict[str, str]:
    """Return each reference of the repository -> its object; an annotated tag -> the object that it points to."""
    refs: dict[str, str] = {}
    for line in str(git.ls_remote("--quiet", "--", source.url)).splitlines():
        match = re.fullmatch(r"([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)", line)
        if match:
            refs[match[2].removesuffix("^{}")] = match[1]  # the peeled one comes after its tag
    return refs
