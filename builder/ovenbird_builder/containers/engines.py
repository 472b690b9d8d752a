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
        """Return the beginning of a command that runs a container as the caller and removes it."""
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
        """Return the digest of an image's manifest as the engine knows it; empty when it knows none.

        Errors: LookupError when the engine does not have the image.
        """
        result = process.run((self.name, "image", "inspect", str(image)), check=False)
        if result.returncode:
            raise LookupError(str(image))
        record = json.loads(result.stdout)[0]
        names = [str(name) for name in record.get("RepoDigests") or ()]
        return str(record.get("Digest") or next((name.rpartition("@")[2] for name in names), ""))

    def pull(self, image: ImageReference, line: Callable[[str], None]) -> None:
        """Pull an image; `line` gets each line of progress. Errors: those of `engine_errors`."""
        plain = ("--tls-verify=false",) if self.name == "podman" and image.loopback else ()
        try:
            process.run((self.name, "pull", *plain, image.remote), line=line)
        except ProcessFailedError as error:
            raise engine_errors.translate_error(error, f"pull {image.remote}") from None


def find_engine(requested: str) -> ContainerEngine:
    """Return the requested engine, else the first that is installed. Errors: ProgramMissingError; EngineError."""
    name = requested or next((name for name in ENGINES if shutil.which(name)), "")
    if not name:
        raise ProgramMissingError("neither podman nor docker is installed", hint="`apt-get install podman`")
    if not shutil.which(name):
        raise ProgramMissingError(f"--engine: {name} is not installed", hint=f"`apt-get install {name}`")
    if name == "podman":
        return ContainerEngine(name, os.getuid() != 0)
    try:
        result = process.run((name, "info", "--format", "{{json .SecurityOptions}}"), timeout=30)
    except ProcessFailedError as error:
        raise EngineError(
            f"docker does not answer: {engine_errors.extract_reason(error)}", hint="is its service started?"
        ) from None
    return ContainerEngine(name, "name=rootless" in result.stdout)
