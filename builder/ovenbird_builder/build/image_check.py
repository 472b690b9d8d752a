"""Load the function in the finished image, as a start would, before the image goes anywhere.

It is `ovenbird check` of the image's own runtime, as the image's user: the module is imported and the handler looked
at, and neither init nor the handler is called. There is no network, no secret of the build, and a limit in time.
"""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec import Struct

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..bases.base_image import BaseImage
from ..cache.layer import compute_key
from ..containers.working_container import WorkingContainer, open_container
from ..errors import CheckError
from ..host.process import CompletedProcess, ProcessFailedError, ProcessTimedOutError
from ..layers.image_manifest import ConfigChanges, predict_image, store_image
from ..layers.runtime_layers import GID, ROOT, UID
from ..layers.source import HOME
from .environment import BuildEnvironment
from .execute import BuiltImage
from .mounted_check import ImageCommand, can_mount, count_large, run_mounted
from .slim_check import KEEP, SlimCheck

LIMIT = 300.0  # seconds: the import of a large framework on a loaded machine takes some tens
_STARTED = "ovenbird-check-started"
_COMMAND = ("/bin/sh", "-c", f'echo {_STARTED}; exec "$0" check', f"{ROOT}/bin/ovenbird")
# with a command after it, which is run once the function has been loaded
_LONGER = ("/bin/sh", "-c", f'echo {_STARTED}; "$0" check && {{ "$@" || :; }}', f"{ROOT}/bin/ovenbird")
_VARIABLES = {"OVENBIRD_LOG_FORMAT": "text"}
_LINES = 40  # of its output that an error holds
_WIDTH = 500  # characters of each
_HINT = (
    "`ovenbird build --no-check` builds it anyway; a check has no network and none of the variables that the function"
    " has where it runs"
)
# what buildah adds to the output of a command that failed
_ENGINE = re.compile(r"(?i)error: (exit status|while running)|subprocess exited with status|time=\"|\[\d+:conmon")
_CONTRACT = re.compile(r"target {2,}\S+:\S+$", re.MULTILINE)  # the first line of what `check` prints
_log = logging.getLogger("ovenbird.check")


class CheckOptions(Struct, frozen=True):
    """How an image is checked: `limit` is in seconds, and 0 stands for our own.

    With `keep` large layers are left in the store, where nothing else of the build brings them: the next check of this
    `repository` finds them. `slim` is what a slim image has to show beside.
    """

    limit: float
    repository: str
    keep: bool
    slim: SlimCheck | None = None


class ImageCheck:
    """The check of one image whose blobs are in the cache; an image that passed once passes.

    Begin it before the image is brought away, and finish it before the image gets a name. It is first done without a
    container engine, beside what else goes on; where that cannot be, or fails, an engine is asked: it is what says no.
    """

    def __init__(
        self, built_image: BuiltImage, base: BaseImage, environment: BuildEnvironment, options: CheckOptions
    ) -> None:
        self.built_image, self.base = built_image, base
        self.stage_images, self.cache = environment.stage_images, environment.cache
        self._limit = min(options.limit or LIMIT, LIMIT)
        self._repository, self._keep = options.repository, options.keep
        self._slim = options.slim
        self._command = (*_LONGER, *options.slim.command) if options.slim else _COMMAND
        self._key = compute_key("image check", image=built_image.image.digest)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._loaded: Future[bool | None] | None = None

    def begin(self) -> None:
        """Begin to load the function, and return at once."""
        if not self.cache.recall(self._key):
            self._loaded = self._pool.submit(self._load)

    def finish(self) -> None:
        """Wait until it is known that the function can be loaded.

        Where no container can be started, that is a warning. Errors: CheckError with what was said.
        """
        if self._loaded is None:
            return
        is_loaded = self._loaded.result()
        if is_loaded is None:  # by now the store may have what it lacked
            is_loaded = self._load_mounted()
        if is_loaded or self._is_loaded_by_engine():
            self.cache.note(self._key, True, f"check of {self.built_image.image.digest}")
        self._loaded = None

    def close(self) -> None:
        """End what still runs."""
        self._stop.set()
        self._pool.shutdown()

    def _load(self) -> bool | None:
        """Do as `_load_mounted`, once large layers that nothing else brings to the store are there."""
        is_loaded = self._load_mounted()
        if is_loaded is None and self._keep and can_mount(self.cache, self.stage_images.registry.environ):
            try:
                self._keep_large()
            except OvenbirdError:  # the engine's answer is what gets reported
                return None
            return self._load_mounted()
        return is_loaded

    def _load_mounted(self) -> bool | None:
        """Return whether the function can be loaded without an engine; None where that is not possible."""
        try:
            command = ImageCommand(self._command, (UID, GID), HOME, _VARIABLES, self._limit)
            result = run_mounted(self.built_image, command, self.cache, self.stage_images.registry.environ, self._stop)
        except OvenbirdError:
            return False
        if result is None:
            return None
        return _STARTED in result.stdout and _is_loaded(result) and not self._find_slim_problem(result)

    def _find_slim_problem(self, result: CompletedProcess) -> str:
        return self._slim.find_problem(result.stdout) if self._slim else ""

    def _is_loaded_by_engine(self) -> bool:
        """Return whether a container could be started in which the function is loaded. Errors: CheckError."""
        try:
            self.stage_images.load_image(
                self.base.manifest, keep=True
            )  # its layers stay in the store when the image goes
            if self._keep:
                self._keep_large()
            with open_container(
                self.stage_images.load_image(self.built_image.image.manifest), pull="never"
            ) as container:
                result = _run(container, self._command, self._limit, self._hint)
        except CheckError:
            raise
        except OvenbirdError as error:
            _log.warning("the image is not checked: %s", error.message)
            return False
        if _STARTED not in result.stdout:
            reason = result.stderr.strip().rpartition("\n")[2]
            _log.warning(
                "the image is not checked, as no container can be started here: %s", reason or result.returncode
            )
            return False
        if not _is_loaded(result):
            raise CheckError(
                f"the function cannot be loaded in the image: {_find_reason(result)}",
                hint=self._hint,
                cause=_trim_output(result),
            )
        if problem := self._find_slim_problem(result):
            raise CheckError(problem, hint=self._hint)
        return True

    @property
    def _hint(self) -> str:
        return f"{KEEP}; {_HINT}" if self._slim else _HINT

    def _keep_large(self) -> None:
        """Leave the layers below the small ones in the store, in place of those of an earlier check."""
        layers = self.built_image.layers
        count = count_large(layers)
        below = predict_image(self.base.manifest, self.base.config, layers[:count], ConfigChanges(), {}, 0)
        manifest = store_image(below, self.cache).manifest if count else self.base.manifest
        name = self.stage_images.load_image(manifest, keep=True)
        memory = compute_key("layers of a check", repository=self._repository)
        before = self.cache.recall(memory)
        if before != (name if count else ""):
            self.cache.note(memory, name if count else "", f"what the check of {self._repository} keeps in the store")
            if before:
                self.stage_images.drop(str(before))


def _run(container: WorkingContainer, command: tuple[str, ...], limit: float, hint: str) -> CompletedProcess:
    try:
        return container.run(
            command, env=_VARIABLES, user=f"{UID}:{GID}", workdir=HOME, network=False,
            timeout=limit, check=False,
        )  # fmt: skip
    except ProcessTimedOutError as error:
        raise CheckError(
            f"the function is not loaded in the image after {limit:g} s: its module does not come to an end",
            hint=hint, cause=error.message,
        ) from None  # fmt: skip
    except ProcessFailedError as error:
        raise CheckError(f"the function cannot be loaded in the image: {error.message}", hint=hint) from None


def _is_loaded(result: CompletedProcess) -> bool:
    """Return whether `check` has loaded the function: a module can end the process with status 0 before that."""
    return result.returncode == 0 and _CONTRACT.search(result.stdout) is not None


def _find_reason(result: CompletedProcess) -> str:
    """Return the first line of what `check` says of the error."""
    if not result.returncode:
        return "the process ended with status 0 while the module was imported"
    lines = [line for line in _trim_output(result).splitlines() if line.strip()]
    messages = [line.partition(": ")[2] for line in lines if line.startswith("error: ")]
    if messages:
        return messages[-1]
    return f"`ovenbird check` ended with status {result.returncode}" + (f": {show_value(lines[-1])}" if lines else "")


def _trim_output(result: CompletedProcess) -> str:
    """Return the end of the output, without what buildah says of it."""
    lines = [line[:_WIDTH] for line in result.stderr.splitlines()[-_LINES:] if line.strip()]
    return "\n".join(line for line in lines if not _ENGINE.match(line)).strip()
