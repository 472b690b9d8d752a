"""Load the function in the finished image, as a start would, before the image goes anywhere.

It is `ovenbird check` of the image's own runtime, as the image's user: the module is imported and the handler looked
at, and neither init nor the handler is called. There is no network, no secret of the build, and a limit in time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from .bench import Bench
from .container import Container, working
from .errors import CheckError
from .layers import Layer, key
from .layers.assemble import Image
from .layers.cache import Cache
from .layers.source import HOME
from .layers.underlay import GID, ROOT, UID
from .mounted_check import run_mounted
from .process import Done, ProcessFailed, ProcessTimedOut

LIMIT = 300.0  # seconds: the import of a large framework on a loaded machine takes some tens
_STARTED = "ovenbird-check-started"
_COMMAND = ("/bin/sh", "-c", f'echo {_STARTED}; exec "$0" "$@"', f"{ROOT}/bin/ovenbird", "check")
_VARIABLES = {"OVENBIRD_LOG_FORMAT": "text"}
_LINES = 40  # of its output that an error holds
_WIDTH = 500  # characters of each
_HINT = (
    "--no-check builds it anyway; a check has no network and none of the variables that the function has where it runs"
)
# what buildah adds to the output of a command that failed
_ENGINE = re.compile(r"(?i)error: (exit status|while running)|subprocess exited with status|time=\"|\[\d+:conmon")
_log = logging.getLogger("ovenbird.check")


def check_image(
    image: Image, layers: Sequence[Layer], base_manifest: bytes, bench: Bench, cache: Cache, limit: float
) -> None:
    """Load the function in an image of the cache, unless that has been done before; `limit` is in seconds, 0 is ours.

    `layers` are those above the base. Where the function cannot be loaded without a container engine, one is asked:
    an engine is what says no.

    Where no container can be started, that is a warning. Errors: CheckError with what was said.
    """
    name = key("image check", image=image.digest)
    if cache.noted(name):
        return
    if _is_loaded(image, layers, bench, cache, min(limit or LIMIT, LIMIT)):
        cache.note(name, True, f"check of {image.digest}")
        return
    try:
        bench.image(base_manifest, keep=True)  # its layers stay in the store when the image under test goes
        with working(bench.image(image.manifest), pull="never") as container:
            done = _run(container, min(limit or LIMIT, LIMIT))
    except CheckError:
        raise
    except OvenbirdError as error:
        _log.warning("the image is not checked: %s", error.message)
        return
    if _STARTED not in done.stdout:
        reason = done.stderr.strip().rpartition("\n")[2]
        _log.warning("the image is not checked, as no container can be started here: %s", reason or done.returncode)
        return
    if done.returncode:
        raise CheckError(
            f"the function cannot be loaded in the image: {_reason(done)}", hint=_HINT, cause=_output(done)
        )
    cache.note(name, True, f"check of {image.digest}")


def _is_loaded(image: Image, layers: Sequence[Layer], bench: Bench, cache: Cache, limit: float) -> bool:
    """Return whether the function can be loaded without an engine, where this is to be had."""
    try:
        done = run_mounted(
            image, layers, _COMMAND, cache, bench.registry.environ, user=(UID, GID), workdir=HOME, env=_VARIABLES,
            timeout=limit,
        )  # fmt: skip
    except OvenbirdError:
        return False
    return done is not None and done.returncode == 0 and _STARTED in done.stdout


def _run(container: Container, limit: float) -> Done:
    try:
        return container.run(
            _COMMAND, env=_VARIABLES, user=f"{UID}:{GID}", workdir=HOME, network=False,
            timeout=limit, check=False,
        )  # fmt: skip
    except ProcessTimedOut as error:
        raise CheckError(
            f"the function is not loaded in the image after {limit:g} s: its module does not come to an end",
            hint=_HINT, cause=error.message,
        ) from None  # fmt: skip
    except ProcessFailed as error:
        raise CheckError(f"the function cannot be loaded in the image: {error.message}", hint=_HINT) from None


def _reason(done: Done) -> str:
    """Return the first line of what `check` says of the error."""
    lines = [line for line in _output(done).splitlines() if line.strip()]
    told = [line.partition(": ")[2] for line in lines if line.startswith("error: ")]
    if told:
        return told[-1]
    return f"`ovenbird check` ended with status {done.returncode}" + (f": {show_value(lines[-1])}" if lines else "")


def _output(done: Done) -> str:
    """Return the end of the output, without what buildah says of it."""
    lines = [line[:_WIDTH] for line in done.stderr.splitlines()[-_LINES:] if line.strip()]
    return "\n".join(line for line in lines if not _ENGINE.match(line)).strip()
