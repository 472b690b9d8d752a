"""Ask pip-compile, under the target's own Python, for the versions and hashes of the requirements."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from ..errors import LockError, PackageIndexError
from ..host import process
from .lock_format import SELF, Pin
from .pip_container import SHARED_DIR, PipContainer
from .pip_errors import ResolutionRequest, list_causes, translate_pip_error
from .requirement_line import RequirementLine

_ENTRY = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;\\]+)|@\s*(\S+))")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_PIP_COMPILE = (
    "-m", "piptools", "compile", "--generate-hashes", "--no-config", "--no-header", "--no-emit-index-url",
    "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options", "--strip-extras", "--allow-unsafe",
    "--resolver=backtracking", "--newline=lf", "--output-file=lock.txt",
    "--verbose",  # only so does it say what it was at, when a build fails
)  # fmt: skip


class ResolutionPreferences(Struct, frozen=True):
    """Which versions are liked: those of `previous`, but for the names in `upgrade`; pre-releases too, with `pre`."""

    previous: tuple[Pin, ...] = ()
    upgrade: tuple[str, ...] = ()
    pre: bool = False


TOLD = (
    "Skipping link",
    "requires a different Python",
    "Could not fetch URL",
)  # what counts of the many words of a verbose pip


def write_inputs(folder: Path, requirements: Iterable[str], limits: Iterable[str], previous: Iterable[Pin]) -> None:
    """Write what a locker reads: `requirements.in`, `limits.txt`, and `lock.txt` with the pins to keep if possible."""
    (folder / "requirements.in").write_text("".join(f"{text}\n" for text in requirements))
    (folder / "limits.txt").write_text("".join(f"{text}\n" for text in limits))
    previous_text = "".join(
        f"{pin.name}=={pin.version} {' '.join(f'--hash={value}' for value in pin.hashes)}\n" for pin in previous
    )
    (folder / "lock.txt").write_text(previous_text)


def run_pip_compile(
    container: PipContainer,
    resolution: ResolutionRequest,
    lines: Iterable[str],
    choice: ResolutionPreferences,
) -> str:
    """Return pip-compile's output for these lines.

    Errors: those of `pip_errors.translate_pip_error`; PackageIndexError over the time limit.
    """
    write_inputs(container.folder, lines, [line.text for line in resolution.limits], choice.previous)
    flags = [
        "--constraint=limits.txt",
        *(["--pre"] if choice.pre else []),
        *(f"--upgrade-package={name}" for name in choice.upgrade),
    ]
    flags += [f"--pip-args=--only-binary={','.join(resolution.only_binary)}"] if resolution.only_binary else []
    try:
        result = container.run(*_PIP_COMPILE, *flags, "requirements.in")
    except process.ProcessTimedOutError as error:
        raise PackageIndexError(f"locking took longer than {container.site.timeout:g} s: {error.message}") from None
    if result.returncode:
        raise translate_pip_error(
            result.stderr + result.stdout + _ask_details(container, result.stderr + result.stdout), resolution
        )
    try:
        return (container.folder / "lock.txt").read_text()
    except OSError:
        raise LockError("pip-compile wrote no lock") from None


def parse_pins(text: str, built: Mapping[str, Pin]) -> tuple[Pin, ...]:
    """Return the pins in the output of pip-compile or uv; a file is replaced by its pin in `built`, by its name."""
    pins: list[Pin] = []
    via: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        entry = _ENTRY.match(line)
        if entry:
            file = (entry[3] or "").rpartition("/")[2].partition("#")[0]
            pin = built.get(file) or Pin(canonicalize_name(entry[1]), entry[2] or "", tuple(_HASH.findall(line)))
            if not pin.version or not pin.hashes:
                raise LockError(f"{entry[1]}: the index gives no hash for it, so it cannot be locked")
            pins.append(pin)
            via.append([])
        elif pins and line.strip().startswith("#"):
            via[-1] += _parse_via(line.strip().lstrip("# "))
    return tuple(
        Pin(pin.name, pin.version, pin.hashes, pin.url, tuple(sorted(set(requirers))), pin.built)
        for pin, requirers in zip(pins, via, strict=True)
    )


def _parse_via(words: str) -> list[str]:
    words = words.removeprefix("via").strip()
    if not words or words.startswith("-c "):
        return []
    return [SELF] if words.startswith("-r ") else [canonicalize_name(words.partition(" ")[0])]


def _ask_details(container: PipContainer, output: str) -> str:
    """Return pip's message about the requirement that it did not find, and the files that it skipped for it.

    It tells the latter only when asked to be verbose, and the former not at all where it sees a conflict.
    """
    match = re.search(r"No matching distribution found for (\S+)", output)
    text = match[1] if match else _find_unsatisfiable(container, output)
    if not text:
        return ""
    kinds = ("--only-binary=:all:",) if match else ()
    words = ("-m", "pip", "-vv", "download", "--no-deps", *kinds, f"--dest={SHARED_DIR}/tried", "--", text)
    result = container.run(*words)
    patterns = TOLD if match else (*TOLD, "Could not find a version")
    return "\n".join(
        line for line in (result.stdout + result.stderr).splitlines() if any(word in line for word in patterns)
    )


def _find_unsatisfiable(container: PipContainer, output: str) -> str:
    """Return a requirement of a conflict that no version in the index satisfies (then it is no conflict), or `""`.

    pip calls it a conflict when the same name is asked for a second time.
    """
    for text in list_causes(output):
        requirement = Requirement(text)
        result = container.run("-m", "pip", "index", "versions", "--pre", "--json", "--", requirement.name)
        with contextlib.suppress(ValueError, KeyError, TypeError):  # what it prints when there is nothing
            versions = json.loads(result.stdout)["versions"]
            if not any(requirement.specifier.contains(version, prereleases=True) for version in versions):
                return text
    return ""


def place_links(folder: Path, links: Iterable[Path]) -> list[str]:
    """Copy the distributions of `--find-links` to where the container sees them; return the lines for the locker."""
    lines = []
    for number, source in enumerate(links):
        target = folder / f"links-{number}"
        target.mkdir()
        for file in sorted(source.iterdir()):
            if file.name.endswith((".whl", ".tar.gz", ".zip")) and file.is_file() and not file.is_symlink():
                shutil.copyfile(file, target / file.name)
        lines.append(f"--find-links file://{SHARED_DIR}/{target.name}")
    return lines


def format_line(requirement: RequirementLine, wheels: Mapping[str, str]) -> str:
    """Return a requirement's line for the locker; a built one stands for its wheel, by its path in the container."""
    if not requirement.origin:
        return requirement.text
    file = wheels[requirement.origin]
    name = parse_wheel_filename(file)[0]
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    return f"{name}{extras} @ file://{SHARED_DIR}/built/{file}" + (
        f" ; {requirement.marker}" if requirement.marker else ""
    )
