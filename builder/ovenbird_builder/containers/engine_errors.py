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
    output = error.output.lower()
    return next((word for word, form in _FORMS if re.search(form, output)), "")


def is_transient(error: ProcessFailedError) -> bool:
    """Return whether the same call may succeed a little later."""
    return classify_error(error) in _AGAIN


def translate_error(error: ProcessFailedError, doing: str, tries: int = 1) -> OvenbirdError:
    """Return the error for people: `doing` is what was tried ("push registry/app:1"), `tries` how often."""
    why, message = classify_error(error), extract_reason(error)
    often = f" ({tries} tries)" if tries > 1 else ""
    if why == "rights":
        return explain_refused_path(error.output, f"cannot {doing}: ")
    if why == "space":
        return DiskFullError(f"cannot {doing}: no room to write: {message}")
    if why == "denied":
        hint = "`buildah login REGISTRY`, or `--authfile FILE`, or `ovenbird build --creds-file FILE`"
        return RegistryAuthError(f"cannot {doing}: the registry refuses: {message}", hint=hint)
    if why == "tls":
        hint = "`--ca-bundle FILE` for a certificate authority of your own; a registry without TLS: `registries.conf`"
        return RegistryError(f"cannot {doing}: no trusted connection to the registry: {message}", hint=hint)
    if why == "missing":
        return BaseMissingError(f"cannot {doing}: there is no such image: {message}")
    if why == "digest":
        return DigestError(f"cannot {doing}: the content does not match its digest: {message}")
    if why == "down":
        return RegistryError(f"cannot {doing}: the registry does not answer{often}: {message}")
    if why in ("broken", "late"):
        return RegistryError(f"cannot {doing}: the registry broke off{often}: {message}")
    if "invalid reference format" in message and "[" in doing + message:
        hint = "this version of skopeo takes no IPv6 address in a name: give the registry a name in DNS or `/etc/hosts`"
        return EngineError(f"cannot {doing}: {message}", hint=hint)
    return EngineError(f"cannot {doing}: {message}")


def extract_reason(error: ProcessFailedError) -> str:
    """Return the last line of the output, without the prefix of the log."""
    lines = [line.strip() for line in error.output.splitlines() if line.strip()]
    if isinstance(error, ProcessTimedOutError) or not lines:
        return error.message
    match = re.search(r'msg="((?:[^"\\]|\\.)*)"', lines[-1])
    return (match[1].replace('\\"', '"') if match else lines[-1])[-600:]
