"""What a target's interpreter takes: the environment that markers see, and the tags of wheels, best first."""

from __future__ import annotations

import platform as this_machine
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ovenbird.common.units import read_whole

from ..bases.probe import TargetPython

if TYPE_CHECKING:
    from packaging.tags import Tag

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def get_platform(interpreter: TargetPython) -> str:
    """Return the target as images name it: `linux/amd64`."""
    return f"linux/{_MACHINES.get(interpreter.machine, interpreter.machine)}"


def get_machine(platform_name: str) -> str:
    """Return the machine of a platform as Python names it: `aarch64` of `linux/arm64`; empty of empty."""
    word = platform_name.partition("/")[2].partition("/")[0]
    return next((name for name, image in _MACHINES.items() if image == word), word)


def format_lock_command(platform_name: str, target: str = ".") -> str:
    """Return the command that locks a target for a platform, in backticks; this machine's needs no flag."""
    own_platform = f"linux/{_MACHINES.get(this_machine.machine(), this_machine.machine())}"
    words = ["ovenbird", "lock", *([target] if target != "." else [])]
    words += ["--platform", platform_name] if platform_name not in ("", own_platform) else []
    return f"`{shlex.join(words)}`"


def get_python_minor(interpreter: TargetPython) -> str:
    """Return Python's minor version, `3.12`."""
    return ".".join(interpreter.version.split(".")[:2])


def make_abi_tag(interpreter: TargetPython) -> str:
    """Return the ABI tag: `cp312`, or `cp313t` for a free-threaded build, of `cpython-313t-x86_64-linux-gnu`."""
    return "cp" + interpreter.soabi.split("-")[1]


def parse_glibc_version(interpreter: TargetPython) -> tuple[int, int]:
    """Return the version of glibc, of `glibc 2.36`."""
    return parse_glibc(interpreter.libc)


def parse_glibc(text: str) -> tuple[int, int]:
    """Return `(2, 36)` of `glibc 2.36`; (0, 0) when the text says nothing of the kind."""
    major, _, rest = text.rpartition(" ")[2].partition(".")
    version = (read_whole(major, -1), read_whole(rest, -1))
    return version if -1 not in version else (0, 0)


def list_platform_tags(interpreter: TargetPython) -> Iterator[str]:
    """Yield the platform tags, from the newest manylinux that the target's glibc fulfils down."""
    major, newest = parse_glibc_version(interpreter)
    oldest = 5 if interpreter.machine == "x86_64" else 17
    for number in range(newest, oldest - 1, -1):
        yield f"manylinux_{major}_{number}_{interpreter.machine}"
        if number in _LEGACY:
            yield f"{_LEGACY[number]}_{interpreter.machine}"
    yield f"linux_{interpreter.machine}"


def assume_interpreter(version: str, platform_name: str, libc: str) -> TargetPython:
    """Return CPython as bases of a platform have it, as far as markers and a lock's head need it; none was asked.

    `version` is a minor version, `3.12`, whose first release stands for all.
    """
    target_machine = get_machine(platform_name)
    soabi = f"cpython-{version.replace('.', '')}-{target_machine}-linux-gnu"
    return TargetPython(f"{version}.0", "", "", "", "", "", "", target_machine, libc, soabi, "", (), {}, "", "")


def list_supported_tags(interpreter: TargetPython) -> list[Tag]:
    """Return the tags of wheels that the target installs, best first."""
    from packaging import tags
    from packaging.version import Version

    version = Version(interpreter.version).release[:2]
    names = list(list_platform_tags(interpreter))
    return [
        *tags.cpython_tags(version, [make_abi_tag(interpreter)], names),
        *tags.compatible_tags(version, f"cp{version[0]}{version[1]}", names),
    ]


def make_marker_environment(interpreter: TargetPython) -> dict[str, str]:
    """Return the values of environment markers for the target."""
    return {
        "implementation_name": "cpython",
        "implementation_version": interpreter.version,
        "os_name": "posix",
        "platform_machine": interpreter.machine,
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "python_full_version": interpreter.version,
        "python_version": get_python_minor(interpreter),
        "sys_platform": "linux",
        "extra": "",
    }
