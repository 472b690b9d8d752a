"""`ovenbird container run|serve`: what `--container` of those verbs calls; the process becomes that of the engine."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from ovenbird import settings as table
from ovenbird.common.text import show_value
from ovenbird.errors import SettingsError

from ..containers import engines
from ..containers.engines import ContainerEngine
from ..errors import BuildRequestError
from ..host import process
from ..oci import reference
from ..oci.reference import ImageReference
from ..request import function_target
from ..runner import run_spec

_VERBS = ("run", "serve")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the verb, the target, and the flags of both verbs; which of them fit is said when they are resolved."""
    parser.allow_abbrev = False
    parser.add_argument("verb", choices=_VERBS)
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="the function, whose image is run")
    for row in {row.name: row for verb in _VERBS for row in table.options(verb)}.values():
        action = "append" if row.metadata["many"] else "store"
        parser.add_argument(table.flag(row), dest=row.name, action=action, metavar=row.metadata["metavar"])


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the image, and never return. Errors: BuildRequestError, SettingsError, DocumentError, and those of a pull."""
    flags = {name: value for name, value in vars(args).items() if value is not None and name not in ("verb", "target")}
    names = {row.name for row in table.options(args.verb)}
    if unknown := sorted(set(flags) - names):
        raise SettingsError(f"`--{unknown[0].replace('_', '-')}` is not a flag of `{args.verb}`")
    settings = table.resolve(args.verb, flags, environ)
    image = _choose_image(args.target or environ.get("OVENBIRD_TARGET", ""), settings.image)
    engine = engines.find_engine(settings.engine)
    known_as = _at_hand(engine, image)
    spec = run_spec.make_run_spec(args.verb, settings, flags, environ, terminal=sys.stderr.isatty())
    if digest := image.digest or known_as:
        spec = replace(spec, environ={**spec.environ, "OVENBIRD_IMAGE_DIGEST": digest})
    process.replace(run_spec.make_argv(engine.run(), str(image), spec), {**environ, **spec.environ})


def _choose_image(target: str, flag: str) -> ImageReference:
    """Return the image to run: the flag's, else the document's.

    Errors: BuildRequestError, which says how to build it.
    """
    if flag:
        return _drop_tag(reference.parse_reference(flag, "--image"))
    named = function_target.resolve_target(target or ".")
    if named.function.image:
        return _drop_tag(reference.parse_reference(named.function.image, "spec.image"))
    path = target or "."
    name = f"{_make_image_name(named.function.name)}:1"
    reason = (
        f"`spec.image` of {show_value(str(named.document))} is not set"
        if named.document
        else f"{show_value(path)} names no image"
    )
    more = "; with `--tag REGISTRY/NAME:1 --push --write-back` the document names it" if named.document else ""
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


def _at_hand(engine: ContainerEngine, image: ImageReference) -> str:
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
    engine.pull(image, lambda line: print(line, file=sys.stderr))
    return engine.digest(image)
