"""How a function is run in its image: the command of podman or docker, once the engine has the image."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value
from ovenbird.settings import Settings

from ..containers import engines
from ..containers.engines import ContainerEngine
from ..errors import BuildRequestError
from ..oci import reference
from ..oci.reference import ImageReference
from ..request import function_target
from ..runner import run_spec


class ContainerCommand(Struct, frozen=True):
    """A command that runs a container, and its environment, which holds values that are never shown."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]


class ContainerCall(Struct, frozen=True):
    """A verb, `run` or `serve`, with the target whose image is run, its settings, and those of them that are given.

    `flags` holds what was given, as text by name; `terminal`: whether people read stderr.
    """

    verb: str
    target: str
    settings: Settings
    flags: Mapping[str, Any]
    terminal: bool = False


def make_container_command(
    call: ContainerCall, environ: Mapping[str, str], tell: Callable[[str], None]
) -> ContainerCommand:  # fmt: skip
    """Return the command of a call; pull the image where the engine lacks it. `tell` gets each line of progress.

    Errors: BuildRequestError for what a container cannot do; DocumentError; ProgramMissingError; those of a pull.
    """
    image = _choose_image(call.target, call.settings.image)
    engine = engines.find_engine(call.settings.engine)
    local_digest = _pull_image(engine, image, tell)
    spec = run_spec.make_run_spec(call.verb, call.settings, call.flags, environ, terminal=call.terminal)
    if digest := image.digest or local_digest:
        spec = replace(spec, environ={**spec.environ, "OVENBIRD_IMAGE_DIGEST": digest})
    return ContainerCommand(run_spec.make_argv(engine.run(), str(image), spec), {**environ, **spec.environ})


def prepare_container(
    verb: str, target: str, settings: Settings, flags: Mapping[str, Any], environ: Mapping[str, str],
    tell: Callable[[str], None],
) -> ContainerCommand:  # fmt: skip
    """Return the command of a call, as `make_container_command`, whose log is for people."""
    return make_container_command(ContainerCall(verb, target, settings, flags, terminal=True), environ, tell)


def _choose_image(target: str, flag: str) -> ImageReference:
    """Return the image to run: the flag's, else the document's.

    Errors: BuildRequestError, which says how to build it.
    """
    if flag:
        return _drop_tag(reference.parse_reference(flag, "--image"))
    resolved_target = function_target.resolve_target(target or ".")
    if resolved_target.function.image:
        return _drop_tag(reference.parse_reference(resolved_target.function.image, "spec.image"))
    path = target or "."
    name = f"{_make_image_name(resolved_target.function.name)}:1"
    reason = (
        f"`spec.image` of {show_value(str(resolved_target.document))} is not set"
        if resolved_target.document
        else f"{show_value(path)} names no image"
    )
    more = (
        "; with `--tag REGISTRY/NAME:1 --push --write-back` the document names it" if resolved_target.document else ""
    )
    raise BuildRequestError(
        f"--container: {reason}, and `--image` is not given",
        hint=f"`ovenbird build {path} --tag {name}`, then `--image {name}`{more}",
    )


def _drop_tag(image: ImageReference) -> ImageReference:
    """Return the reference with its digest alone if it has one: not every engine takes a tag and a digest."""
    return image.pin(image.digest) if image.digest else image


def _make_image_name(name: str) -> str:
    """Return the name of a function as the name of an image may be: what a build without `--tag` calls it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "function"


def _pull_image(engine: ContainerEngine, image: ImageReference, tell: Callable[[str], None]) -> str:
    """Return the digest of an image that the engine then has. Errors: those of a pull."""
    try:
        return engine.digest(image)
    except LookupError:
        if not image.host and "/" not in image.path:
            raise BuildRequestError(
                f"{engine.name} has no image {show_value(str(image))}, and its name has no registry",
                hint=f"`ovenbird build TARGET --tag {image}"
                + (
                    " --output docker-archive:FILE`, then `docker load --input FILE`"
                    if engine.name == "docker"
                    else "`"
                ),
            ) from None
    engine.pull(image, tell)
    return engine.digest(image)
