"""Ovenbird's runtime as layers on a base that does not bring it: the same as Dockerfile.base, without a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from ..containers.working_container import ImageName, open_container, resolve_image_name
from . import InstallScheme, WheelPackage, WheelTarget
from .image_manifest import ConfigChanges
from .source import HOME, FileContent, make_files_layer
from .wheel_layers import WheelSet, make_wheel_layers

ROOT = "/opt/ovenbird"
BASH_ENV = f"{ROOT}/lib/bash_env.sh"  # what makes a bash that is process 1 pass signals on
PROCESSOR = "/opt/nuclio/processor"  # what the platform's entry point starts
UID, GID, NAME = 8877, 999, "ovenbird"
BUDGET = 2  # layers for the runtime's packages
# what the config of a base image of ours says; the rest stays as the custom base has it
CHANGES = ConfigChanges(
    env={
        "BASH_ENV": BASH_ENV,
        "OVENBIRD_HOST": "0.0.0.0",  # noqa: S104  # all addresses of the container
        "OVENBIRD_SPARE_HOME": "/tmp/ovenbird",  # noqa: S108  # in the container, where only its user is
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",  # else pip asks an index for itself at each start of a platform's pod
    },
    entrypoint=(f"{ROOT}/bin/ovenbird",),
    cmd=("serve",),
    user=f"{UID}:{GID}",
    workdir=HOME,
    stop_signal="SIGTERM",
    ports=("8080/tcp",),
)
LAUNCHER = Path(__file__).parent / "launcher.txt"  # the text of both commands; a base image's are made of it as well
SIGNALS = Path(__file__).parent / "bash_env.sh"  # likewise


def make_runtime_scheme(target: WheelTarget) -> InstallScheme:
    """Return where the runtime goes: apart from the user's packages, which come first on the path."""
    site = f"{ROOT}/site"
    return InstallScheme(site, site, f"{ROOT}/bin", ROOT, f"{ROOT}/include", target.executable)


def make_runtime_files(target: WheelTarget, passwd: str, group: str) -> Mapping[str, FileContent]:
    """Return both commands, the line that puts the runtime on the path, the user, and the folder that is the user's."""
    account = f"{NAME}:x:{UID}:{GID}:Ovenbird:{HOME}:/bin/sh"
    return {
        f"{ROOT}/bin/ovenbird": _make_command(target, ""),
        PROCESSOR: _make_command(target, '["processor", *sys.argv[1:]]'),
        BASH_ENV: FileContent(SIGNALS.read_bytes()),
        "/usr/local/bin/ovenbird": FileContent(link=f"{ROOT}/bin/ovenbird"),
        f"{target.purelib}/ovenbird.pth": FileContent(f"{ROOT}/site\n".encode()),
        "/etc/passwd": FileContent(_with_line(passwd, account).encode("utf-8", "surrogateescape")),
        "/etc/group": FileContent(_with_line(group, f"{NAME}:x:{GID}:").encode("utf-8", "surrogateescape")),
        HOME: FileContent(folder=True),
    }


def read_accounts(image: ImageName, identity: str, cache: LayerCache) -> tuple[str, str]:
    """Return /etc/passwd and /etc/group of a base, read once per digest; empty for a file that it does not have."""
    key = compute_key("accounts", base=identity)
    accounts = cache.recall(key)
    if accounts is None:
        with open_container(image) as container:
            paths = ("/etc/passwd", "/etc/group")
            accounts = [container.run(("cat", path), network=False, check=False).stdout for path in paths]
        cache.note(key, accounts, f"accounts of {resolve_image_name(image)}")
    return str(accounts[0]), str(accounts[1])


def make_runtime_wheels(
    wheels: Sequence[WheelPackage], target: WheelTarget, identity: str, compression: str = "zstd"
) -> WheelSet:
    """Return the runtime, as the `wheels` of its closure, in the place that is its own."""
    return WheelSet(wheels, target, identity, make_runtime_scheme(target), compression, BUDGET)


def make_runtime_layers(stack: WheelSet, image: ImageName, cache: LayerCache) -> tuple[Layer, ...]:
    """Return the layers that put the runtime on a base without it. Errors: those of `make_wheel_layers`."""
    files = make_runtime_files(stack.target, *read_accounts(image, stack.identity, cache))
    return (
        *make_wheel_layers(stack, image, cache),
        make_files_layer(files, cache, name="runtime: command and user", compression=stack.compression),
    )


def _make_command(target: WheelTarget, words: str) -> FileContent:
    """Return a program that runs the command line, with `words` (an expression) in place of its own arguments."""
    return FileContent(
        LAUNCHER.read_text(encoding="utf-8").format(python=target.executable, words=words).encode(), executable=True
    )


def _with_line(text: str, line: str) -> str:
    """Return a table of accounts with a line more, unless its number is taken."""
    number = line.split(":")[2]
    if number in [row.split(":")[2] for row in text.splitlines() if row.count(":") >= 2]:
        return text
    return text + ("" if text.endswith("\n") or not text else "\n") + line + "\n"
