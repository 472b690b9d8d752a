"""`ovenbird rebase IMAGE --base NEW`: a new base under the same layers, without building."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import to_builtins

from ovenbird import __version__
from ovenbird.common.output_path import make_parent_folders
from ovenbird.common.text import show_value

from ..bases.probe import TargetPython, probe_python, pull_and_probe
from ..cache.folder import find_cache
from ..cache.layer_cache import LayerCache
from ..errors import BuildRequestError
from ..oci.reference import parse_reference
from ..rebase.execute import RebaseContext, rebase_image
from ..request.destination import Destination, check_destination
from .inspect import add_access_options, read_access


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("image", metavar="IMAGE", help="an image that `ovenbird build` has made, as for `inspect`")
    parser.add_argument("--base", metavar="IMAGE", required=True, help="the base that it shall stand on")
    parser.add_argument("--tag", metavar="REF", default="", help="the name of the result [that of IMAGE]")
    parser.add_argument("--push", action="store_true", help="write the result to the registry, else to the local store")
    parser.add_argument(
        "--output", metavar="DEST", default="", help="write it to oci:FOLDER or oci-archive:FILE instead"
    )
    parser.add_argument("--force", action="store_true", help="keep what instructions changed on the old base")
    parser.add_argument("--cache-dir", metavar="DIR", default="", help="[$OVENBIRD_CACHE_DIR, ~/.cache/ovenbird]")
    add_access_options(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Rebase; one JSON object on stdout, warnings on stderr; the exit status."""
    cache = LayerCache(find_cache(args.cache_dir, environ))
    signed_in = {**environ, "REGISTRY_AUTH_FILE": args.authfile} if args.authfile else environ  # buildah reads it
    try:
        context = RebaseContext(
            read_access(args, environ), cache, lambda image: _probe_base(image, cache, signed_in), __version__
        )  # fmt: skip
        result = rebase_image(args.image, args.base, _choose_destination(args), context, force=args.force)
    finally:
        cache.close()
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(json.dumps(to_builtins(result), ensure_ascii=False))
    return 0


def _choose_destination(args: argparse.Namespace) -> str:
    """Return where the result goes, with its transport. Errors: BuildRequestError, ReferenceFormatError."""
    if args.output:
        if args.push:
            raise BuildRequestError("`--push` and `--output` say two places for one image", hint="leave one out")
        if args.output.partition(":")[0] not in ("oci", "oci-archive"):
            raise BuildRequestError(
                f"--output: expected `oci:FOLDER` or `oci-archive:FILE`, found {show_value(args.output)}"
            )
        kind, _, path = str(args.output).partition(":")
        check_destination(Destination(kind, path.partition(":")[0]))  # behind the path, the name in the layout
        make_parent_folders(Path(path.partition(":")[0]))
        return str(args.output)
    name = args.tag or args.image.removeprefix("docker://").removeprefix("containers-storage:")
    if not args.tag and name.partition(":")[0] in ("oci", "oci-archive"):
        raise BuildRequestError(
            f"the result needs a name, as {show_value(name)} has none", hint="`--tag REF`, or `--output`"
        )
    reference = parse_reference(name)
    if reference.digest and not reference.tag:
        raise BuildRequestError(f"the result needs a tag, found {show_value(name)}", hint="`--tag REF`")
    return (
        f"docker://{reference.repository}:{reference.tag or 'latest'}"
        if args.push
        else f"containers-storage:{reference.local}"
    )


def _probe_base(image: str, cache: LayerCache, environ: Mapping[str, str]) -> TargetPython:
    """Return the Python of a base, asked in a container; an image from elsewhere is pulled into the store for it."""
    if ":" not in image or image.partition(":")[0] not in ("docker", "oci", "oci-archive"):
        return probe_python(image, cache=cache.root, pull="never")
    return pull_and_probe(image, cache=cache.root, environ=environ)[1]
