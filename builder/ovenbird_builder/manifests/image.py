"""The image of a manifest: its reference, its digest, and the question to the registry what a tag means now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import process
from ..container import refused
from ..errors import ReferenceFormatError

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>[\w][\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_PATIENCE = 60.0  # seconds, for a registry


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image, its tag and its digest; the latter two may be empty."""

    name: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def version(self) -> str:
        """What tells this image from the next one: its tag, else the beginning of its digest."""
        return self.tag or self.digest.partition(":")[2][:12] or "latest"


def parse(text: str, what: str = "--image") -> Reference:
    """`registry/name:tag@sha256:...` in its parts. Errors: ReferenceFormatError that names `what`."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        raise ReferenceFormatError(
            f"{what}: {text!r} is not the name of an image", hint="REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:..."
        )
    return Reference(found["name"], found["tag"] or "", found["digest"] or "")


def resolve(image: Reference, *, authfile: str = "", registries: str = "", env: Mapping[str, str]) -> Reference:
    """The same image with the digest that the registry gives its tag now.

    `authfile` and `registries` are files of the engine, where its own are not meant. `env` is the environment.
    Errors: BaseMissingError, RegistryError, RegistryDeniedError, ProgramMissingError.
    """
    if image.digest:
        return image
    # the raw bytes, and not skopeo's own word: it looks into an index for this machine's architecture, which may lack
    argv = ["skopeo", *(["--registries-conf", registries] if registries else []), "inspect", "--raw"]
    argv += [*(["--authfile", authfile] if authfile else []), f"docker://{image}"]
    try:
        done = process.run(argv, env=env, timeout=_PATIENCE)
    except process.ProcessFailed as error:
        raise refused(str(image), error) from None
    return replace(image, digest="sha256:" + hashlib.sha256(done.stdout.encode()).hexdigest())
