"""Tell a file or folder of this machine that a program may not use from a registry that refuses access."""

from __future__ import annotations

import re

from ovenbird.common.text import show_value

from ..errors import EngineError

# what Go says of a call of the system, in lower case; a registry's refusal has no path
REFUSED_PATH = (
    r"\b(?:open|openat|lstat|stat|statfs|mkdir|mkdirat|unlink|unlinkat|rename|chmod|chown|lchown|readlink|symlink"
    r"|readdirent|write|create) (/[^\s:\"\\\\]+): (permission denied|operation not permitted|read-only file system)"
)


def explain_refused_path(output: str, prefix: str) -> EngineError:
    """Return the error for output of buildah or skopeo that `REFUSED_PATH` fits, after what was being done."""
    match = re.search(REFUSED_PATH, output, re.IGNORECASE)
    assert match
    path, reason = match[1], match[2]
    if path.endswith("auth.json"):
        hint = "the variable `REGISTRY_AUTH_FILE` names another; or let this user read it"
    else:
        hint = "let this user use it, or name other folders by `HOME`, `XDG_CONFIG_HOME` and `XDG_DATA_HOME`"
    return EngineError(f"{prefix}{show_value(path)} of this machine: {reason.lower()}", hint=hint)
