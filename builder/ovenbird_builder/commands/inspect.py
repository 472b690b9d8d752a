"""`ovenbird inspect IMAGE`: what is known about an image, without starting it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import inspect_image
from ..host.network import read_network_settings
from ..image_reader.resolve import ImageAccess, resolve_image

if TYPE_CHECKING:
    from rich.console import RenderableType


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of the verb."""
    parser.add_argument(
        "image", metavar="IMAGE",
        help="REGISTRY/NAME:TAG, containers-storage:NAME, oci:FOLDER[:TAG] or oci-archive:FILE[:TAG]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    reach_options(parser)


def reach_options(parser: argparse.ArgumentParser) -> None:
    """The flags that say how images are reached."""
    parser.add_argument("--platform", metavar="OS/ARCH", default="", help="which image of an index [this machine's]")
    parser.add_argument("--authfile", metavar="FILE", default="", help="credentials, as auth.json or docker's config")
    parser.add_argument("--ca-bundle", metavar="FILE", default="", help="certificate authority of the site, as PEM")


def reach(args: argparse.Namespace, environ: Mapping[str, str]) -> ImageAccess:
    """How images are reached, from these flags and the environment."""
    return ImageAccess(environ, read_network_settings(args.ca_bundle, environ), args.authfile, platform=args.platform)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a table on a terminal, JSON elsewhere; the exit status."""
    found = inspect_image.inspect(resolve_image(args.image, reach(args, environ)))
    if args.json or not sys.stdout.isatty():
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    from rich.console import Console

    console = Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")))
    for part in shown(found):
        console.print(part)
    for note in found["notes"]:
        print(note, file=sys.stderr)
    return 0


def shown(found: Mapping[str, Any]) -> list[RenderableType]:
    """The report for people: what it is, its layers, and the function document."""
    from rich.syntax import Syntax
    from rich.table import Table

    about = Table.grid(padding=(0, 2))
    for name, value in _rows(found):
        if value:
            about.add_row(name, value)
    layers = Table("layer", "size", "of", "holds", box=None, padding=(0, 2, 0, 0))
    for layer in found["layers"]:
        layers.add_row(layer["digest"][7:19], size(layer["size"]), layer["of"], layer["holds"][:100])
    parts: list[RenderableType] = [about, "", layers]
    if found["document"]:
        parts += ["", Syntax(found["document"].rstrip(), "yaml", background_color="default")]
    return parts


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    source, base, python, lock = found["source"], found["base"], found["python"], found["lock"]
    bill, how = found["sbom"], found["provenance"]
    parts = ", ".join(f"{count} {kind}" for kind, count in bill["components"].items()) if bill else ""
    packages = sum("==" in line or " @ " in line for line in (lock["text"] or "").splitlines() if line[:1].isalnum())
    return [
        ("image", found["image"]),
        ("digest", found["digest"]),
        ("platform", found["platform"]),
        ("size", f"{size(found['size'])} in {len(found['layers'])} layers"),
        ("created", found["created"]),
        ("kind", "a base image of Ovenbird" if found["kind"] == "base" else ""),
        ("function", found["function"]),
        ("source", " ".join(part for part in (source["uri"], source["revision"]) if part)),
        ("source digest", source["digest"]),
        ("base", "@".join(part for part in (base["name"], base["digest"]) if part)),
        ("python", ", ".join(part for part in (python["version"], python["soabi"], python["libc"]) if part)),
        ("runtime", found["runtime"] and f"ovenbird {found['runtime']}"),
        ("lock", lock["digest"] and f"{lock['digest']}, {packages} packages"),
        ("entrypoint", " ".join(found["entrypoint"])),
        ("user", found["user"]),
        ("sbom", parts and f"CycloneDX: {parts}"),
        ("provenance", how and f"SLSA: {how['build_type']} by {how['builder']}, {how['materials']} materials"),
        ("signatures", ", ".join(one["type"] for one in found["signatures"]) or (found["referrers"] and "none")),
    ]


def size(count: int) -> str:
    """Bytes for people."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
