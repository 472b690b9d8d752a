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
from .requirements_file import RequirementLine

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

    wanted: tuple[RequirementLine, ...]
    limits: tuple[RequirementLine, ...]
    target: str  # "Python 3.12 on linux/amd64 (glibc 2.36)"
    indexes: tuple[str, ...]
    only_binary: tuple[str, ...] = ()  # names of which wheels alone are taken, `:all:` for all

    def who(self, name: str, parent: str = "") -> str:
        """Who asks for a distribution: `asked for in requirements.txt line 3`, or `fastapi 0.1 needs it`."""
        if parent:
            return f"{parent} needs it"
        places = [one.where for one in self.wanted if one.name == name]
        return f"asked for in {' and '.join(places)}" if places else "needed by what you ask for"


def translate_pip_error(output: str, asked: ResolutionRequest) -> LockError | WheelBuildError:
    """The error of ours that pip's output amounts to."""
    if "ResolutionImpossible" in output and (_CANNOT.search(output) or "RequirementsConflicted" in output):
        found = _MISSING.search(output)
        if not found:
            return explain_conflict(output, asked)
    if problem := explain_unreachable(output, asked):
        return problem
    if "DO NOT MATCH THE HASHES" in output:
        return explain_mismatch(output, asked)
    if pip_build_errors.is_build_error(output):
        return explain_build_failure(output, asked)
    if found := _NEWER.search(output):
        who = asked.who(_normalize_name(found[1]))
        return RequirementMissingError(
            f"{show_value(found[1])} is for Python {found[2]}, the target is {asked.target} ({who})"
        )
    if found := _MISSING.search(output):
        return explain_missing(output, found[1], found[2] or _find_parent(output, found[1]), found[3], asked)
    return LockError(f"locking failed: {_last_line(output)}")


def list_causes(output: str) -> list[str]:
    """The requirements that name versions, of those that a conflict is between."""
    texts = []
    for found in _CAUSE.finditer(output):
        with contextlib.suppress(InvalidRequirement):
            text = found[2] or found[3] or ""
            texts += [text] if Requirement(text).specifier else []
    return list(dict.fromkeys(texts))


def explain_conflict(output: str, asked: ResolutionRequest) -> ConflictError:
    """Which requirements contradict each other, each with who asks for it."""
    rows: list[str] = []
    names: list[str] = []
    for found in _CAUSE.finditer(output):
        text, parent = found[2] or found[3] or "", _parse_candidate(found[5] or found[6] or "")
        name = _normalize_name(text)
        names += [name] if name and name not in names else []
        written = [one for one in asked.wanted if one.name == name]
        if parent:
            rows.append(f"{parent} needs {text}")
        else:
            rows += [f"{one.text} is asked for in {one.where}" for one in written]
    if not names:
        names = [
            _normalize_name(text)
            for text in re.findall(r"[\w.-]+(?:\[[^\]]*\])?[=<>!~]=?[^ ,]+", _find_refusal(output))
        ]
        rows += [f"{one.text} is asked for in {one.where}" for one in asked.wanted if one.name in names]
    rows += [
        f"{one.text} is {'what the runtime needs' if one.where == 'the runtime' else 'a limit in ' + one.where}"
        for one in asked.limits
        if one.name in names
    ]
    rows = list(dict.fromkeys(rows)) or [_find_refusal(output) or _last_line(output)]
    what = " and ".join(names[:3]) or "the requirements"
    return ConflictError(
        "\n  ".join([f"no version of {what} fits all that is asked for:", *rows]),
        hint="loosen one of them; the runtime's ranges cannot be changed",
    )


def explain_missing(output: str, text: str, parent: str, versions: str, asked: ResolutionRequest) -> LockError:
    """A requirement that no file of the index fulfils: no such name, no such version, or none for the target."""
    name = _normalize_name(text)
    who = asked.who(name, parent)
    if files := _list_unfit_files(output, text):
        return NoWheelError(
            f"no file of {show_value(text)} fits {asked.target} ({who}): the index has {', '.join(files[:3])}"
            + (f" and {len(files) - 3} more" if len(files) > 3 else ""),
            hint="ask for another version" + ("; `--only-binary` refuses to build it" if asked.only_binary else ""),
        )
    if found := next(
        (one for one in _PYTHON.finditer(output) if _normalize_name(one[2].partition("-")[0]) == name), None
    ):
        return RequirementMissingError(
            f"{show_value(text)} is for Python {found[1]}, the target is {asked.target} ({who})"
        )
    if versions in ("none", ""):
        limits = " and ".join(f"{one.text} ({one.where})" for one in asked.limits if one.name == name)
        return RequirementMissingError(
            f"the index has no {show_value(text)} ({who})" + (f" within {limits}" if limits else ""),
            hint=f"looked in {', '.join(asked.indexes)}",
        )
    last = versions.split(", ")
    shown = ", ".join(last[-8:]) if len(last) <= 8 else "..., " + ", ".join(last[-8:])
    return RequirementMissingError(
        f"the index has no version that fits {show_value(text)} ({who}): it has {shown}", hint="ask for one of these"
    )


def explain_unreachable(output: str, asked: ResolutionRequest) -> PackageIndexError | None:
    """The index does not answer, or it or a proxy wants to know who asks; None when it is none of these."""
    lines = [line.strip() for line in output.splitlines()]
    lines = [
        one for one in lines if "404 Client Error" not in one and not one.startswith(_FETCHED)
    ]  # those are answers
    where = ", ".join(asked.indexes)
    if any(_PROXY.search(one) for one in lines):
        return PackageIndexError(
            f"the proxy on the way to a package index ({where}) asks for credentials that were not given or are not "
            "right",
            hint="`HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`, with what is not a letter or digit as %XX",
        )
    if line := next((one for one in lines if _DENIED.search(one) and "http" in one), ""):
        return PackageIndexError(
            f"a package index asks for credentials that were not given or are not right: {_shorten_line(line)}",
            hint="`--index-url 'https://${USER}:${TOKEN}@HOST/simple'` with the variables set, or .netrc",
        )
    if line := next((one for one in lines if _UNREACHABLE.search(one)), ""):
        causes = [one for one in lines if one.startswith("cause:")]  # uv's, of which the last one is the root
        return PackageIndexError(
            f"a package index does not answer ({where}): {_shorten_line(' '.join([line, *causes[-1:]]))}",
            hint="`--ca-bundle FILE` names your site's certificate authority"
            if _CERTIFICATE.search(output)
            else "`--index-url`, proxies",
        )
    return None


def explain_mismatch(output: str, asked: ResolutionRequest) -> HashError:
    """A file that is not what the lock says."""
    row = next((line.strip() for line in output.splitlines() if " from http" in line or " from file" in line), "")
    name = row.partition(" ")[0].rstrip(":") or "a file"
    return HashError(
        f"{name}: the file of the index is not the one that was locked ({asked.who(_normalize_name(name))}): "
        f"{compare_hashes(output)}",
        hint=f"if the new file is right: `ovenbird lock --upgrade-package {_normalize_name(name) if row else 'NAME'}`",
    )


def compare_hashes(output: str) -> str:
    """What pip says of a file that is another: `got sha256:…, expected sha256:…`."""
    rows = _HASHES.findall(output)
    algorithm, expected, _ = next((row for row in rows if row[0]), ("sha256", "", ""))
    got = next((row[2] for row in rows if row[2]), "")
    return f"got {algorithm}:{got}, expected {f'{algorithm}:{expected}' if expected else 'another'}"


def explain_build_failure(output: str, asked: ResolutionRequest) -> WheelBuildError:
    """A source distribution whose build failed: which, who asks for it, and the end of what it said."""
    name, version, parent = pip_build_errors.find_distribution(output)
    if not name:
        return WheelBuildError(
            "\n  ".join(["a source distribution could not be built:", *pip_build_errors.extract_messages(output)])
        )
    who = asked.who(name, "" if any(one.name == name for one in asked.wanted) else _shorten_line(parent))
    first = f"the source distribution of {f'{name} {version}'.strip()} could not be built ({who}):"
    return WheelBuildError("\n  ".join([first, *pip_build_errors.extract_messages(output)]))


def _find_parent(output: str, text: str) -> str:
    """Which distribution needs what a conflict names by this text; empty when it is asked for outright."""
    rows = [(found[2] or found[3] or "", found[5] or found[6] or "") for found in _CAUSE.finditer(output)]
    return next((_parse_candidate(link) for row, link in rows if row == text and link), "")


def _list_unfit_files(output: str, text: str) -> list[str]:
    """Files of the right version that pip passed over as not for this target, or as source."""
    try:
        specifier = Requirement(text).specifier
    except InvalidRequirement:
        return []
    found = []
    for match in _SKIPPED.finditer(output):
        try:
            file = match[3]
            version = parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1]
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if specifier.contains(version, prereleases=True) and file not in found:
            found.append(file)
    return found


def _normalize_name(text: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return canonicalize_name(re.split(r"(?:\[|[=<>!~]=?)", found[0])[0]) if found else ""


def _parse_candidate(link: str) -> str:
    """`fastapi 0.100.0` from a candidate's link."""
    file = link.partition(" ")[0].partition("#")[0].rpartition("/")[2]
    try:
        name, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return file
    return f"{name} {version}"


def _find_refusal(output: str) -> str:
    found = _CANNOT.search(output)
    return found[1] if found else ""


def _shorten_line(line: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//", line)[:300]


def _last_line(output: str) -> str:
    noise: Iterable[str] = ("subprocess exited", "Error: exit status", "Traceback")
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.strip().startswith(tuple(noise))]
    return _shorten_line(lines[-1]) if lines else "nothing was said"
