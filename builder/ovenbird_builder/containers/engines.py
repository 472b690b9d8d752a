"""podman or docker: which is there, what it needs to run as the caller, and whether it has an image."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable

from msgspec import Struct

from ..errors import EngineError, ProgramMissingError
from ..host import process
from ..host.process import ProcessFailedError
from ..oci.reference import ImageReference
from . import engine_errors

ENGINES = ("podman", "docker")


class ContainerEngine(Struct, frozen=True):
    """A program that runs containers; `rootless`: whether its user 0 is the caller."""

    name: str
    rootless: bool

    def run(self) -> tuple[str, ...]:
        """The beginning of a command that runs a container as the caller, who owns what is mounted, and removes it."""
        user = f"{os.getuid()}:{os.getgid()}"
        flags: tuple[str, ...] = ("--user", user)
        if self.rootless and self.name == "podman":
            flags = ("--userns", "keep-id", "--user", user)
        elif self.rootless:
            flags = ("--user", "0:0")
        return (
            self.name, "run", "--rm", "--pull", "never", "--cap-drop", "all",
            "--security-opt", "no-new-privileges", "--security-opt", "label=disable",  # labels would hide the mounts
            "--env", "HOME=/tmp", *flags,  # the caller has no home in there
        )  # fmt: skip

    def digest(self, image: ImageReference) -> str:
        """The digest of an image's manifest as the engine knows it; empty when it knows none.

        Errors: LookupError when the engine does not have the image.
        """
        done = process.run((self.name, "image", "inspect", str(image)), check=False)
        if done.returncode:
            raise LookupError(str(image))
        found = json.loads(done.stdout)[0]
        names = [str(name) for name in found.get("RepoDigests") or ()]
        return str(found.get("Digest") or next((name.rpartition("@")[2] for name in names), ""))

    def pull(self, image: ImageReference, line: Callable[[str], None]) -> None:
        """Get an image from its registry; `line` is told how it goes. Errors: those of `faults.refused`."""
        plain = ("--tls-verify=false",) if self.name == "podman" and image.loopback else ()
        try:
            process.run((self.name, "pull", *plain, image.remote), line=line)
        except ProcessFailedError as error:
            raise engine_errors.translate_error(error, f"pull {image.remote}") from None


def find_engine(wanted: str) -> ContainerEngine:
    """The engine that was asked for, else the first that is there. Errors: ProgramMissingError; EngineError."""
    name = wanted or next((name for name in ENGINES if shutil.which(name)), "")
    if not name:
        raise ProgramMissingError("neither podman nor docker is installed", hint="apt-get install podman")
    if not shutil.which(name):
        raise ProgramMissingError(f"--engine: {name} is not installed", hint=f"apt-get install {name}")
    if name == "podman":
        return ContainerEngine(name, os.getuid() != 0)
    try:
        done = process.run((name, "info", "--format", "{{json .SecurityOptions}}"), timeout=30)
    except ProcessFailedError as error:
        raise EngineError(
            f"docker does not answer: {engine_errors.extract_reason(error)}", hint="is its service started?"
        ) from None
    return ContainerEngine(name, "name=rootless" in done.stdout)
