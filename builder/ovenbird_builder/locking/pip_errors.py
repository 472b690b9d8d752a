"""Why pip refused, in terms of what the user wrote: its output -> one of our errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from ovenbird.common.text import show_value

from ..errors import (
    ConflictError,
    HashError,
    LockError,
    NoWheelError,
    PackageIndexError,
    RequirementMissingError,
    WheelBuildError,
)
from . import pip_build_errors
from .requirement_line import RequirementLine

_MISSING = re.compile(
    r"Could not find a version that satisfies the requirement (.+?)(?: \(from (?!versions)([^)]*)\))?"
    r" \(from versions: ([^)]*)\)"
)
_CAUSE = re.compile(
    r"RequirementInformation\(requirement=(\w+)\((?:'([^']*)'|\"([^\"]*)\")[^)]*\), "
    r"parent=(None|\w+\((?:'([^']*)'|\"([^\"]*)\"))"
)
_CANNOT = re.compile(r"Cannot install (.+?) because these package versions have conflicting")
_SKIPPED = re.compile(r"Skipping link: (.*?): (\S+/([^/\s#]+\.(?:whl|tar\.gz|zip)))")
# pip's own summary ("Ignored the following versions ...") mixes the versions of all distributions, without their names
_PYTHON = re.compile(r"requires a different Python \(\S+ not in: '([^']+)'\): \S+/([^/\s#]+)-\d[^/\s]*")
_NEWER = re.compile(r"Package '([^']+)' requires a different Python: \S+ not in '([^']+)'")
_DENIED = re.compile(r"(?:\b401\b|\b403\b|Credentials not correct|User for \S+:)")
_PROXY = re.compile(r"\b407\b.*Proxy|proxy authorization required", re.IGNORECASE)
_CERTIFICATE = re.compile(r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|invalid peer certificate")
_UNREACHABLE = re.compile(
    r"(NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|SSLError|ProxyError|ConnectionError|"
    r"Connection refused|Could not fetch URL|not a trusted or secure host|IncompleteRead|ConnectionResetError|"
    r"ProtocolError|\b50[0-9] (?:Server )?Error|error sending request|Failed to fetch|dns error|Max retries exceeded)"
)
_HASHES = re.compile(r"Expected (?:or )?(sha\d+) ([0-9a-f]{64,})|Got\s+([0-9a-f]{64,})")
_FETCHED = ("Downloading ", "Using cached ", "Processing ")  # pip's progress: file names say nothing of what went wrong


class ResolutionRequest(Struct, frozen=True):
    """What was asked for, to tell an error by: requirements, all that limits them, the target in words, the indexes."""

    requirements: tuple[RequirementLine, ...]
    limits: tuple[RequirementLine, ...]
    target: str  # "Python 3.12 on linux/amd64 (glibc 2.36)"
    indexes: tuple[str, ...]
    only_binary: tuple[str, ...] = ()  # names of which wheels alone are taken, `:all:` for all

    def describe_requirer(self, name: str, parent: str = "") -> str:
        """Return who asks for a distribution: `asked for in requirements.txt line 3`, or `fastapi 0.1 needs it`."""
        if parent:
            return f"{parent} needs it"
        origins = [line.where for line in self.requirements if line.name == name]
        return f"asked for in {' and '.join(origins)}" if origins else "needed by what you ask for"


def translate_pip_error(output: str, resolution: ResolutionRequest) -> LockError | WheelBuildError:
    """Return the error for pip's output."""
    if "ResolutionImpossible" in output and (_CANNOT.search(output) or "RequirementsConflicted" in output):
        match = _MISSING.search(output)
        if not match:
            return explain_conflict(output, resolution)
    if problem := explain_unreachable(output, resolution):
        return problem
    if "DO NOT MATCH THE HASHES" in output:
        return explain_mismatch(output, resolution)
    if pip_build_errors.is_build_error(output):
        return explain_build_failure(output, resolution)
    if match := _NEWER.search(output):
        requirer = resolution.describe_requirer(_normalize_name(match[1]))
        return RequirementMissingError(
            f"{show_value(match[1])} is for Python {match[2]}, the target is {resolution.target} ({requirer})"
        )
    if match := _MISSING.search(output):
        return explain_missing(output, match[1], match[2] or _find_parent(output, match[1]), match[3], resolution)
    return LockError(f"locking failed: {_find_last_line(output)}")


def list_causes(output: str) -> list[str]:
    """Return the requirements of a conflict that name versions."""
    texts = []
    for match in _CAUSE.finditer(output):
        with contextlib.suppress(InvalidRequirement):
            text = match[2] or match[3] or ""
            texts += [text] if Requirement(text).specifier else []
    return list(dict.fromkeys(texts))


def explain_conflict(output: str, resolution: ResolutionRequest) -> ConflictError:
    """Return which requirements contradict each other, each with who asks for it."""
    rows: list[str] = []
    names: list[str] = []
    for match in _CAUSE.finditer(output):
        text, parent = match[2] or match[3] or "", _parse_candidate(match[5] or match[6] or "")
        name = _normalize_name(text)
        names += [name] if name and name not in names else []
        written = [line for line in resolution.requirements if line.name == name]
        if parent:
            rows.append(f"{parent} needs {text}")
        else:
            rows += [f"{line.text} is asked for in {line.where}" for line in written]
    if not names:
        names = [
            _normalize_name(text)
            for text in re.findall(r"[\w.-]+(?:\[[^\]]*\])?[=<>!~]=?[^ ,]+", _find_refusal(output))
        ]
        rows += [f"{line.text} is asked for in {line.where}" for line in resolution.requirements if line.name in names]
    rows += [
        f"{line.text} is {'what the runtime needs' if line.where == 'the runtime' else 'a limit in ' + line.where}"
        for line in resolution.limits
        if line.name in names
    ]
    rows = list(dict.fromkeys(rows)) or [_find_refusal(output) or _find_last_line(output)]
    subject = " and ".join(names[:3]) or "the requirements"
    return ConflictError(
        "\n  ".join([f"no version of {subject} fits all that is asked for:", *rows]),
        hint="loosen one of them; the runtime's ranges cannot be changed",
    )


def explain_missing(output: str, text: str, parent: str, versions: str, resolution: ResolutionRequest) -> LockError:
    """Return the error of a requirement that no file of the index fulfils: no such name, no such version, or target."""
    name = _normalize_name(text)
    requirer = resolution.describe_requirer(name, parent)
    if files := _list_unfit_files(output, text):
        return NoWheelError(
            f"no file of {show_value(text)} fits {resolution.target} ({requirer}): the index has {', '.join(files[:3])}"
            + (f" and {len(files) - 3} more" if len(files) > 3 else ""),
            hint="ask for another version"
            + ("; `--only-binary` refuses to build it" if resolution.only_binary else ""),
        )
    if match := next(
        (line for line in _PYTHON.finditer(output) if _normalize_name(line[2].partition("-")[0]) == name), None
    ):
        return RequirementMissingError(
            f"{show_value(text)} is for Python {match[1]}, the target is {resolution.target} ({requirer})"
        )
    if versions in ("none", ""):
        limits = " and ".join(f"{line.text} ({line.where})" for line in resolution.limits if line.name == name)
        return RequirementMissingError(
            f"the index has no {show_value(text)} ({requirer})" + (f" within {limits}" if limits else ""),
            hint=f"looked in {', '.join(resolution.indexes)}",
        )
    last = versions.split(", ")
    version_list = ", ".join(last[-8:]) if len(last) <= 8 else "..., " + ", ".join(last[-8:])
    return RequirementMissingError(
        f"the index has no version that fits {show_value(text)} ({requirer}): it has {version_list}",
        hint="ask for one of these",
    )


def explain_unreachable(output: str, resolution: ResolutionRequest) -> PackageIndexError | None:
    """Return the error of an index that does not answer, or asks for a login, as its proxy may; else None."""
    lines = [line.strip() for line in output.splitlines()]
    lines = [
        line for line in lines if "404 Client Error" not in line and not line.startswith(_FETCHED)
    ]  # those are answers
    where = ", ".join(resolution.indexes)
    if any(_PROXY.search(line) for line in lines):
        return PackageIndexError(
            f"the proxy on the way to a package index ({where}) asks for credentials that were not given or are not "
            "right",
            hint="`HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`, with what is not a letter or digit as %XX",
        )
    if line := next((line for line in lines if _DENIED.search(line) and "http" in line), ""):
        return PackageIndexError(
            f"a package index asks for credentials that were not given or are not right: {_shorten_line(line)}",
            hint="`--index-url 'https://${USER}:${TOKEN}@HOST/simple'` with the variables set, or .netrc",
        )
    if line := next((line for line in lines if _UNREACHABLE.search(line)), ""):
        causes = [line for line in lines if line.startswith("cause:")]  # uv's, of which the last one is the root
        return PackageIndexError(
            f"a package index does not answer ({where}): {_shorten_line(' '.join([line, *causes[-1:]]))}",
            hint="`--ca-bundle FILE` names your site's certificate authority"
            if _CERTIFICATE.search(output)
            else "`--index-url`, proxies",
        )
    return None


def explain_mismatch(output: str, resolution: ResolutionRequest) -> HashError:
    """Return the error of a file that is not what the lock says."""
    row = next((line.strip() for line in output.splitlines() if " from http" in line or " from file" in line), "")
    name = row.partition(" ")[0].rstrip(":") or "a file"
    return HashError(
        f"{name}: the file of the index is not the one that was locked"
        f" ({resolution.describe_requirer(_normalize_name(name))}): "
        f"{compare_hashes(output)}",
        hint=f"if the new file is right: `ovenbird lock --upgrade-package {_normalize_name(name) if row else 'NAME'}`",
    )


def compare_hashes(output: str) -> str:
    """Return pip's message about a file with another hash: `got sha256:…, expected sha256:…`."""
    rows = _HASHES.findall(output)
    algorithm, expected, _ = next((row for row in rows if row[0]), ("sha256", "", ""))
    actual = next((row[2] for row in rows if row[2]), "")
    return f"got {algorithm}:{actual}, expected {f'{algorithm}:{expected}' if expected else 'another'}"


def explain_build_failure(output: str, resolution: ResolutionRequest) -> WheelBuildError:
    """Return the error of a source distribution whose build failed: which, who asks for it, the end of the output."""
    name, version, parent = pip_build_errors.find_distribution(output)
    if not name:
        return WheelBuildError(
            "\n  ".join(["a source distribution could not be built:", *pip_build_errors.extract_messages(output)])
        )
    requirer = resolution.describe_requirer(
        name, "" if any(line.name == name for line in resolution.requirements) else _shorten_line(parent)
    )
    first = f"the source distribution of {f'{name} {version}'.strip()} could not be built ({requirer}):"
    return WheelBuildError("\n  ".join([first, *pip_build_errors.extract_messages(output)]))


def _find_parent(output: str, text: str) -> str:
    """Return which distribution needs what a conflict names by this text; empty when a person asks for it."""
    rows = [(match[2] or match[3] or "", match[5] or match[6] or "") for match in _CAUSE.finditer(output)]
    return next((_parse_candidate(link) for row, link in rows if row == text and link), "")


def _list_unfit_files(output: str, text: str) -> list[str]:
    """Return files of the right version that pip passed over as not for this target, or as source."""
    try:
        specifier = Requirement(text).specifier
    except InvalidRequirement:
        return []
    files = []
    for match in _SKIPPED.finditer(output):
        try:
            file = match[3]
            version = parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1]
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if specifier.contains(version, prereleases=True) and file not in files:
            files.append(file)
    return files


def _normalize_name(text: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return canonicalize_name(re.split(r"(?:\[|[=<>!~]=?)", match[0])[0]) if match else ""


def _parse_candidate(link: str) -> str:
    """Return `fastapi 0.100.0` of a candidate's link."""
    file = link.partition(" ")[0].partition("#")[0].rpartition("/")[2]
    try:
        name, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return file
    return f"{name} {version}"


def _find_refusal(output: str) -> str:
    match = _CANNOT.search(output)
    return match[1] if match else ""


def _shorten_line(line: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//", line)[:300]


def _find_last_line(output: str) -> str:
    noise: Iterable[str] = ("subprocess exited", "Error: exit status", "Traceback")
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.strip().startswith(tuple(noise))]
    return _shorten_line(lines[-1]) if lines else "nothing was said"
