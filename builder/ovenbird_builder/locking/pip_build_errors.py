"""What pip says of a source distribution that it could not build: which it was, and what its build said."""

from __future__ import annotations

import contextlib
import re

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

_SEEN = ("subprocess-exited-with-error", "metadata-generation-failed", "Failed building wheel", "BackendUnavailable")
_TAKEN = re.compile(r"^\s*(?:Downloading|Using cached|Processing) \S*?([^/\s]+\.(?:tar\.gz|zip))(?=\s|$)", re.MULTILINE)
_NAMED = re.compile(r"Failed to build '([A-Za-z0-9._-]+)'|Failed building wheel for ([A-Za-z0-9._-]+)")
_NEEDED = re.compile(r"^\s*(?:Collecting|Processing) (\S+).*? \(from ([^-\s)][^\s)]*?)(?:->|\))", re.MULTILINE)
_WIDTH = 300  # characters of a line that are shown


def is_build_error(output: str) -> bool:
    """Return whether pip failed because a build did."""
    return any(word in output for word in _SEEN)


def find_distribution(output: str) -> tuple[str, str, str]:
    """Return name and version of what was built, and what needs it (`cherry==1.0`); empty where pip does not say.

    It is the one that pip names, which older ones do not, else the last source distribution that it took.
    """
    candidates = [candidate for file in _TAKEN.findall(output) if (candidate := _parse_filename(file))[0]]
    match = _NAMED.search(output)
    named = canonicalize_name(match[1] or match[2]) if match else ""
    name, version = next((candidate for candidate in reversed(candidates) if named in ("", candidate[0])), (named, ""))
    parents = [parent for child, parent in _NEEDED.findall(output) if name and _parse_distribution(child) == name]
    return name, version, parents[-1] if parents else ""


def _parse_filename(file: str) -> tuple[str, str]:
    with contextlib.suppress(InvalidSdistFilename):
        name, version = parse_sdist_filename(file)
        return str(name), str(version)
    return "", ""


def _parse_distribution(word: str) -> str:
    """Return the name in what pip collects (`fig>=1`) or processes (`./fig-1.0.tar.gz`)."""
    match = re.match(r"[A-Za-z0-9._-]+", word)
    return _parse_filename(word.rpartition("/")[2])[0] or (canonicalize_name(match[0]) if match else "")


def extract_messages(output: str) -> list[str]:
    """Return the end of the build's output, without the frames of its traceback."""
    lines = [line.strip(" │╰─>") for line in output.splitlines() if line.strip(" │╰─>")]
    end = next((i for i, line in enumerate(lines) if line.startswith(("[end of output]", "note: This error"))), None)
    return [line[:_WIDTH] for line in lines[:end] if not line.startswith("File ")][-6:]
