"""`ovenbird base`: list, build, pin and lock the base images."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import baseimage, bases
from ..errors import SpecError
from ..network import network


def options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    one = actions.add_parser("list", help="the versions that there are")
    one.add_argument("--json", action="store_true", help="print JSON")
    one = actions.add_parser("build", help="build the images of some versions, or of all")
    _common(one)
    one.add_argument("--from", dest="image", default="", metavar="REF", help="make it from this image instead")
    one.add_argument("--tag", default="", metavar="REF", help="name of the image; {version} stands for Python's")
    one.add_argument("--push", action="store_true", help="push it to the registry that --tag names")
    one.add_argument("--format", choices=("oci", "docker"), default="oci", help="docker keeps the health check")
    one.add_argument(
        "--pull", choices=("always", "missing", "never"), default="always", help="when to ask the registry"
    )
    one.add_argument("--result-file", default="", metavar="FILE", help="write what was made there too, as JSON")


def _common(one: argparse.ArgumentParser) -> None:
    one.add_argument("versions", nargs="*", metavar="VERSION", help="such as 3.12; default: all")
    one.add_argument("--registry", default="", metavar="HOST", help="mirror to take images from [OVENBIRD_REGISTRY]")
    one.add_argument("--ca-bundle", default="", metavar="FILE", help="certificates [OVENBIRD_CA_BUNDLE, SSL_CERT_FILE]")
    one.add_argument("--cache-dir", default="", metavar="DIR", help="[OVENBIRD_CACHE_DIR]")
    one.add_argument("--quiet", action="store_true", help="do not show what the build says")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what is asked for; the exit status."""
    return {"list": _list, "build": _build}[args.action](args, environ)


def _list(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    rows = [asdict(base) | {"locked": bases.lockfile(base.version).is_file()} for base in bases.table().values()]
    print(json.dumps(rows, indent=2))
    return 0


def _build(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    registry = args.registry or environ.get("OVENBIRD_REGISTRY", "")
    wanted = [bases.chosen(version, registry=registry, image=args.image) for version in args.versions or bases.table()]
    if args.image and len(wanted) > 1:
        raise SpecError("--from names one image: name one version beside it")
    net, cache, made = network(args.ca_bundle, environ), cache_dir(args.cache_dir, environ), []
    for base in wanted:
        name = args.tag.replace("{version}", base.version) or base.image
        opts = baseimage.Options(image=name, fmt=args.format, epoch=epoch(environ), pull=args.pull)
        built = baseimage.build(
            base, opts, network=net, cache=cache, environ=environ, line=None if args.quiet else _told
        )
        row: dict[str, Any] = {"version": base.version, **asdict(built)}
        if args.push:
            row["pushed"] = baseimage.push(name, name, network=net, environ=environ)
        made.append(row)
    text = json.dumps(made, indent=2)
    if args.result_file:
        bases.write(Path(args.result_file).absolute(), text + "\n")
    print(text)
    return 0


def cache_dir(flag: str, environ: Mapping[str, str]) -> Path:
    """The cache: the flag, OVENBIRD_CACHE_DIR, else ovenbird in the user's own cache folder."""
    named = flag or environ.get("OVENBIRD_CACHE_DIR", "")
    if named:
        return Path(named).absolute()
    home = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or str(Path.home()), ".cache")  # noqa: PTH118
    return Path(home) / "ovenbird"


def epoch(environ: Mapping[str, str]) -> int:
    """Seconds that stand for the time of making: SOURCE_DATE_EPOCH, or 0. Errors: SpecError."""
    text = environ.get("SOURCE_DATE_EPOCH") or "0"
    if not text.isdecimal() or len(text) > 11:
        raise SpecError(f"SOURCE_DATE_EPOCH: expected whole seconds since 1970, found {text!r}")
    return int(text)


def _told(line: str) -> None:
    sys.stderr.write(line + "\n")
