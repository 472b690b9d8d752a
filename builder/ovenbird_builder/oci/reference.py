"""Image references: `[HOST[:PORT]/]PATH[:TAG][@sha256:DIGEST]`, taken apart and checked before anything is started."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.redact import HIDDEN
from ovenbird.common.text import show_value
from ovenbird.common.url_port import PORT_HINT, describe_bad_port

from ..errors import ReferenceFormatError

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST = re.compile(r"(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")
_PLACE = re.compile(r"(?:oci|oci-archive|docker-archive|dir|containers-storage|docker-daemon):")
_LONGEST = 255  # of host and path together, by the grammar of the OCI distribution's reference


class ImageReference(Struct, frozen=True):
    """The name of an image: `host` is empty when none was given, `tag` and `digest` too."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        name = f"{self.host}/{self.path}" if self.host else self.path
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def repository(self) -> str:
        """Return host and path as a registry has them: a reference without a host means docker.io."""
        if self.host:
            return f"{self.host}/{self.path}"
        return f"docker.io/{self.path}" if "/" in self.path else f"docker.io/library/{self.path}"

    @property
    def remote(self) -> str:
        """Return the whole name for a registry; a digest says more than a tag, and skopeo takes only one of them."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag or 'latest'}"

    @property
    def local(self) -> str:
        """Return the whole name in the local store, where a reference without a host lies below `localhost`."""
        name = f"{self.host or 'localhost'}/{self.path}"
        return f"{name}@{self.digest}" if self.digest and not self.tag else f"{name}:{self.tag or 'latest'}"

    @property
    def loopback(self) -> bool:
        """Return whether the registry is on this machine, where plain HTTP is as good as TLS."""
        return bool(_LOOPBACK.fullmatch(self.host))

    def pin(self, digest: str) -> ImageReference:
        """Return the same repository by digest alone."""
        return replace(self, tag="", digest=digest)


def parse_reference(text: str, flag: str = "--tag") -> ImageReference:
    """Return the reference that a text is. Errors: ReferenceFormatError, which names the part that does not fit."""
    wrong = _ReferenceErrorFactory(_hide_password(text), flag)
    if not text or text.isspace():
        raise wrong("it is empty")
    if text.startswith("-"):
        raise wrong("it starts like an option")
    if bad := re.search(r"[^\x21-\x7e]", text):
        raise wrong(f"it holds {show_value(bad[0])}")
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise wrong(f"expected sha256: and 64 hexadecimal digits after @, found {show_value(_hide_password(digest))}")
    head, slash, tail = name.partition("/")
    if "://" in name:
        raise wrong("it is a URL", f"leave out {name.partition('://')[0]}://")
    host = head if slash and (head == "localhost" or set(head) & set(".:[")) else ""
    rest = tail if host else name
    path, colon, tag = rest.partition(":")
    if host and not _HOST.fullmatch(host):
        if form := _PLACE.match(name):
            raise wrong(f"`{form[0]}` names a folder, a file or a store, and here an image has its plain name")
        raise wrong(f"{show_value(_hide_port(host))} is not a host and port")
    if host and (reason := describe_bad_port(f"//{host}")):
        raise wrong(f"{show_value(host)} is not a host and port: {reason}", PORT_HINT)
    if colon and not _TAG.fullmatch(tag):
        raise wrong(f"{show_value(tag)} is not a tag: letters, digits and _.- (at most 128, not - or . first)")
    for part in path.split("/"):
        if not _COMPONENT.fullmatch(part):
            lower = f"write {show_value(part.lower())}" if _COMPONENT.fullmatch(part.lower()) else ""
            raise wrong(
                f"{show_value(part)} is not a part of a name: small letters and digits, with . _ or - in between", lower
            )
    if len(host) + 1 + len(path) > _LONGEST:
        raise wrong(f"the name is longer than {_LONGEST} characters")
    return ImageReference(host, path, tag, digest)


def _hide_password(text: str) -> str:
    """Return what is no reference for people: without `user:password@`, and without a password in place of a port."""
    scheme, separator, rest = text.rpartition("://")
    rest, digest_at, digest = rest.partition("@sha256:")
    user, at, host = rest.rpartition("@")
    if at and ("/" in host or ":" in user):
        rest = f"{HIDDEN}@{host}"
    elif separator or "/" in rest:
        host, slash, path = rest.partition("/")
        rest = f"{_hide_port(host)}{slash}{path}"
    return f"{scheme}{separator}{rest}{digest_at}{digest}"


def _hide_port(host: str) -> str:
    """Return a host without a port that is no number: it may be the password of a user."""
    name, _, port = host.partition(":")
    return f"{name}:{HIDDEN}" if port and not host.startswith("[") and not re.fullmatch(r"[0-9]{1,5}", port) else host


class _ReferenceErrorFactory(Struct, frozen=True):
    """What makes the error, so that each check is one line."""

    text: str
    flag: str

    def __call__(self, why: str, hint: str = "") -> ReferenceFormatError:
        return ReferenceFormatError(
            f"{self.flag}: {show_value(self.text)} is not the name of an image: {why}",
            hint=hint or "`registry.example.com/team/app:1`",
        )
