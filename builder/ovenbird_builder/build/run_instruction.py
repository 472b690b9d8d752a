"""Run one instruction in a working container, and take what it changed out of the store as a tar."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from ovenbird.common.hashing import digest_file
from ovenbird.common.redact import make_redactor
from ovenbird.common.text import show_value

from ..containers import buildah, engine_errors, skopeo
from ..containers.working_container import WorkingContainer, open_container
from ..errors import DigestError, InstructionFailedError, InstructionTimeoutError
from ..host import process, secrets
from ..host.network import MOUNT, NetworkSettings
from ..host.secrets import BuildSecret
from ..request.run_instruction import RunInstruction
from . import layer_diff

_log = logging.getLogger("ovenbird.layers")
_REMOVE_STALE = (Path(__file__).parents[1] / "layers" / "_remove_stale.py").read_text(encoding="utf-8")
_QUOTED = 40  # lines of a failed instruction's output that its error holds
_WIDTH = 500  # characters of each
# what buildah adds to the output of a command that failed
_ENGINE = re.compile(r"(?i)error: (exit status|while running)|subprocess exited with status|time=\"|\[\d+:conmon")
_UNPACKED = skopeo.CopyOptions(uncompressed=True, keep_digests=False)
_KEPT = 64 * 1024  # characters of its output that are held in memory


class StepContext(Struct, frozen=True):
    """What instructions are run with.

    `clamp` is the time, in seconds, that tools which honour SOURCE_DATE_EPOCH shall write; `secrets` are all that were
    given, of which an instruction gets those that it names; `timeout` is in seconds, `on_line` gets each line of
    output; `scratch` is a folder on a large disk; `python` the interpreter of the image, which looks at bytecode.
    """

    clamp: int
    secrets: tuple[BuildSecret, ...] = ()
    network: NetworkSettings = NetworkSettings()
    timeout: float | None = None
    on_line: Callable[[str], None] = lambda _: None
    scratch: Path | None = None
    python: str = "python3"


@contextlib.contextmanager
def execute_instruction(
    instruction: RunInstruction, image: str, diff_ids: Sequence[str], context: StepContext
) -> Iterator[Path]:
    """Run an instruction on an image of the local store whose layers are `diff_ids`; yield the tar of what it changed.

    The tar is as the store made it (`layer_diff.normalise_layer` is next) and is gone after the block.
    Bytecode that is not of a changed source is removed from it.
    Errors: InstructionFailedError, InstructionTimeoutError, those of `open_container`.
    """
    used = [secret for secret in context.secrets if secret.name in instruction.secrets]
    with open_container(image, pull="never") as container:
        with secrets.mount_secrets(used) as mounts:
            hidden = tuple(text for secret in used for text in secret.texts)
            _run(instruction, container, tuple(mounts), hidden, context)
        with tempfile.TemporaryDirectory(prefix="step-", dir=context.scratch) as folder:
            raw = _export_changes(container, diff_ids, Path(folder, "step"))
            changed = layer_diff.list_changed_sources(raw)
            if changed and remove_stale_bytecode(container, context.python, changed, Path(folder)):
                raw.unlink()
                raw = _export_changes(container, diff_ids, Path(folder, "again"))
            yield raw


def remove_stale_bytecode(container: WorkingContainer, python: str, sources: Sequence[str], folder: Path) -> int:
    """Remove the bytecode beside changed `sources` that is not of them any more; return the number of files.

    An image's bytecode is not checked against its source when a module is imported, and all our files have the same
    time: without this, the code before the change would go on running. `folder` is one to write into.
    """
    listing = folder / "sources"
    listing.write_bytes(b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in sources))
    inside = f"{MOUNT}/bytecode"
    argv = (python, "-I", "-S", "-B", "-c", _REMOVE_STALE, f"{inside}/{listing.name}")
    result = container.run(argv, mounts=(f"{folder}:{inside}:ro",), network=False, check=False)
    if result.returncode or not result.stdout.strip().isdigit():
        reason = (result.stderr.strip() or result.stdout.strip()).rpartition("\n")[2]
        _log.warning("the bytecode of changed files cannot be looked at: %s", reason or f"status {result.returncode}")
        return 0
    return int(result.stdout)


def _export_changes(container: WorkingContainer, diff_ids: Sequence[str], folder: Path) -> Path:
    """Take what a container has changed into `folder`, as a tar, and return its path."""
    with commit_container(container) as name:
        return export_top_layer(name, diff_ids, folder)


def _run(
    instruction: RunInstruction,
    container: WorkingContainer,
    mounts: tuple[str, ...],
    hidden: tuple[str, ...],
    context: StepContext,
) -> None:
    """Run the command; `hidden` are the texts of its secrets, which no output shows."""
    network = context.network
    last: deque[str] = deque(maxlen=_QUOTED)

    def line(text: str) -> None:
        last.append(text[:_WIDTH])
        context.on_line(text)

    seconds = instruction.timeout if instruction.timeout is not None else context.timeout
    command = show_value(
        make_redactor((*hidden, *network.list_secrets()))(instruction.run)
    )  # before it is cut, which a secret would not survive
    try:
        result = container.run(
            ("/bin/sh", "-c", instruction.run),
            env=network.make_container_env() | {"SOURCE_DATE_EPOCH": str(context.clamp)},
            mounts=(*mounts, *network.list_mounts()), network=instruction.network,
            workdir="/shared" if instruction.after == "source" else "/", timeout=seconds or None,
            secrets=(*hidden, *network.list_secrets()), line=line, check=False, limit=_KEPT,
        )  # fmt: skip
    except process.ProcessTimedOutError as error:
        raise InstructionTimeoutError(
            f"the instruction {command} was ended after its time limit of {seconds:g} s",
            hint="`--timeout`, or a `timeout` of its own", cause=_end(last),
        ) from error  # fmt: skip
    if result.returncode:
        raise InstructionFailedError(
            f"the instruction {command} ended with status {result.returncode}", cause=_end(last)
        )


def _end(last: deque[str]) -> str:
    """Return the end of the output, without what buildah says about it."""
    return "\n".join(text for text in last if not _ENGINE.match(text))


@contextlib.contextmanager
def commit_container(container: WorkingContainer) -> Iterator[str]:
    """Yield a working container as an image of the store, for a while."""
    name = f"localhost/{container.name}:done"
    try:
        process.run(buildah.commit(container.name, name))
        yield name
    except process.ProcessFailedError as error:
        raise engine_errors.translate_error(error, "take what a step changed into the store") from None
    finally:
        process.run(buildah.remove_image(name), check=False)


def export_top_layer(name: str, diff_ids: Sequence[str], folder: Path) -> Path:
    """Return the uppermost layer of an image of the store, as a tar below `folder`.

    Neither buildah nor skopeo gives out one layer alone, and reading the storage driver's own folders would tie us
    to overlay and to root. But skopeo leaves out a blob that the destination has already: so the layers below get an
    empty file each. Should a later skopeo look closer, it copies them all, which is slow and right.
    Errors: DigestError when the image is not made of `diff_ids` and one more.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for diff_id in diff_ids:
        (blobs / diff_id.partition(":")[2]).touch()
    argv = skopeo.copy(f"containers-storage:{name}", f"oci:{folder}:step", _UNPACKED)
    process.run(argv)
    index = json.loads((folder / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_bytes())
    digests = [layer["digest"] for layer in manifest["layers"]]
    if len(digests) != len(diff_ids) + 1 or digests[:-1] != list(diff_ids):
        raise DigestError(f"the store made an image of {len(digests)} layers, not one on top of {len(diff_ids)}")
    path: Path = blobs / digests[-1].partition(":")[2]
    digest = digest_file(path)
    if digest != digests[-1]:
        raise DigestError(f"the store gave the layer {digests[-1]} as {digest}")
    return path
