"""What skopeo or buildah said about a registry or a store -> the error that says it, and whether to try again."""

from __future__ import annotations

import re

from ovenbird.errors import OvenbirdError

from ..errors import BaseMissingError, DigestError, DiskFullError, EngineError, RegistryAuthError, RegistryError
from ..host.process import ProcessFailedError, ProcessTimedOutError
from ..host.refused_paths import REFUSED_PATH, explain_refused_path

# each a form of words of containers/image, of Go's network library, or of a registry's answer; the first that fits
_FORMS: tuple[tuple[str, str], ...] = (
    ("rights", REFUSED_PATH),
    ("space", r"no space left on device|disk quota exceeded|read-only file system"),
    ("denied", r"unauthorized|authentication required|denied|403 \(?forbidden|401 \(?unauthorized|status 40[13]"),
    ("tls", r"x509:|certificate signed by unknown|tls: |server gave http response to https client"),
    ("missing", r"manifest unknown|name unknown|does not resolve to an image id|not known to registry"
                r"|no such image|404 \(?not found|repository .* not found|manifest.* not found"),
    ("digest", r"digest .*mismatch|does not match|digest invalid|did not match|manifest invalid|unexpected size"),
    ("down", r"connection refused|no such host|no route to host|network is unreachable|i/o timeout"
             r"|context deadline exceeded|server misbehaving"),
    ("broken", r"unexpected eof|\beof\b|connection reset|broken pipe|50[0234] |5\d\d internal|too many requests|429"
               r"|use of closed network connection|internal server error|bad gateway|service unavailable"),
)  # fmt: skip
_AGAIN = frozenset({"down", "broken", "late"})


def classify_error(error: ProcessFailedError) -> str:
    """Return one word for why a copy failed, of those in `_FORMS` or `late`; empty if unknown."""
    if isinstance(error, ProcessTimedOutError):
        return "late"
    said = error.output.lower()
    return next((word for word, form in _FORMS if re.search(form, said)), "")


def is_transient(error: ProcessFailedError) -> bool:
    """Whether the same call may succeed a little later."""
    return classify_error(error) in _AGAIN


def translate_error(error: ProcessFailedError, doing: str, tries: int = 1) -> OvenbirdError:
    """The error for people: `doing` is what was tried ("push registry/app:1"), `tries` how often."""
    why, said = classify_error(error), extract_reason(error)
    often = f" ({tries} tries)" if tries > 1 else ""
    if why == "rights":
        return explain_refused_path(error.output, f"cannot {doing}: ")
    if why == "space":
        return DiskFullError(f"cannot {doing}: no room to write: {said}")
    if why == "denied":
        hint = "`buildah login REGISTRY`, or `--authfile FILE`, or `ovenbird build --creds-file FILE`"
        return RegistryAuthError(f"cannot {doing}: the registry refuses: {said}", hint=hint)
    if why == "tls":
        hint = "`--ca-bundle FILE` for a certificate authority of your own; a registry without TLS: registries.conf"
        return RegistryError(f"cannot {doing}: no trusted connection to the registry: {said}", hint=hint)
    if why == "missing":
        return BaseMissingError(f"cannot {doing}: there is no such image: {said}")
    if why == "digest":
        return DigestError(f"cannot {doing}: the content does not match its digest: {said}")
    if why == "down":
        return RegistryError(f"cannot {doing}: the registry does not answer{often}: {said}")
    if why in ("broken", "late"):
        return RegistryError(f"cannot {doing}: the registry broke off{often}: {said}")
    if "invalid reference format" in said and "[" in doing + said:
        hint = "this version of skopeo takes no IPv6 address in a name: give the registry a name in DNS or /etc/hosts"
        return EngineError(f"cannot {doing}: {said}", hint=hint)
    return EngineError(f"cannot {doing}: {said}")


def extract_reason(error: ProcessFailedError) -> str:
    """The last line of what was said, without the dress of the log."""
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    if isinstance(error, ProcessTimedOutError) or not lines:
        return error.message
    found = re.search(r'msg="((?:[^"\\]|\\.)*)"', lines[-1])
    return (found[1].replace('\\"', '"') if found else lines[-1])[-600:]
