"""Why a container could not be started: the line of buildah's output that holds what the container runtime said."""

from __future__ import annotations

import re

from ovenbird.common.text import cut_text, escape_controls

from ..errors import EngineError

# buildah writes this, then what the runtime wrote, then that no message came from it, and last that it ran a runtime
_CREATING = re.compile(
    r"(?m)^error running container: from (?P<runtime>.+?) creating container for \[(?P<command>[^\n]*?)\]: "
)
_END = re.compile(
    r"did not get container create message[^\n]*\n(?:Error|error)\b[^\n]*while running runtime: [^\n]*\s*\Z"
)
_LOG = re.compile(r"(?m)^(?:time=\"|(?:ERRO|WARN|INFO)\[)[^\n]*$")
_NO_PROGRAM = re.compile(r"(?i)executable file|no such file or directory|exec format error|permission denied")
_LONGEST = 1000  # characters of what a runtime said
_HINT = (
    "`BUILDAH_ISOLATION=chroot` runs the steps without a container runtime, as where containers cannot be nested or"
    " cgroups are hybrid; `BUILDAH_RUNTIME` names another one"
)


def find_runtime_failure(stderr: str) -> EngineError | None:
    """Return the error for a container that its runtime could not create; None where a program ran, or was not found.

    `stderr` is what buildah wrote. What a program in the container prints is never taken for it: that is followed by
    another end.
    """
    starts = list(_CREATING.finditer(stderr))
    if not starts or not _END.search(stderr, starts[-1].start()):
        return None
    start = starts[-1]
    message = _LOG.split(stderr[start.end() :])[0]
    reason = re.sub(r"\s*:\s*exit status \d+\s*$", "", " ".join(message.split())).strip(": ")
    runtime, program = start["runtime"], start["command"].partition(" ")[0]
    if program and program in reason and runtime not in reason and _NO_PROGRAM.search(reason):
        return None  # the image lacks the program, which says something of the image
    text = escape_controls(cut_text(reason, _LONGEST)) or "it said nothing"
    return EngineError(f"the container runtime {runtime} cannot start a container: {text}", hint=_HINT)
