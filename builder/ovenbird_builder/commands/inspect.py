"""`ovenbird inspect IMAGE`: what is known about an image, without starting it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ovenbird.common.text import show_value

from .. import inspect_image
from ..errors import BuildRequestError
from ..host.network import read_network_settings
from ..image_reader.resolve import ImageAccess, resolve_image

if TYPE_CHECKING:
    from rich.console import RenderableType

_PLATFORM = re.compile(r"[a-z0-9]+(/[a-z0-9_.-]+){1,2}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument(
        "image", metavar="IMAGE",
        help="REGISTRY/NAME:TAG, containers-storage:NAME, oci:FOLDER[:TAG] or oci-archive:FILE[:TAG]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    add_access_options(parser)


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how images are reached."""
    parser.add_argument("--platform", metavar="OS/ARCH", default="", help="which image of an index [this machine's]")
    parser.add_argument("--authfile", metavar="FILE", default="", help="credentials, as auth.json or docker's config")
    parser.add_argument("--ca-bundle", metavar="FILE", default="", help="certificate authority of the site, as PEM")


def read_access(args: argparse.Namespace, environ: Mapping[str, str]) -> ImageAccess:
    """Return how images are reached, from these flags and the environment. Errors: BuildRequestError."""
    if args.platform and not _PLATFORM.fullmatch(args.platform):
        raise BuildRequestError(
            f"--platform: expected `OS/ARCH`, found {show_value(args.platform)}", hint="for example linux/arm64"
        )
    return ImageAccess(environ, read_network_settings(args.ca_bundle, environ), args.authfile, platform=args.platform)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a table on a terminal, JSON elsewhere; the exit status."""
    facts = inspect_image.inspect(resolve_image(args.image, read_access(args, environ)))
    if args.json or not sys.stdout.isatty():
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0
    from rich.console import Console

    console = Console(highlight=False, no_color=bool(os.environ.get("NO_COLOR")))
    for part in render_facts(facts):
        console.print(part)
    for note in facts["notes"]:
        print(note, file=sys.stderr)
    return 0


def render_facts(facts: Mapping[str, Any]) -> list[RenderableType]:
    """Return the report for people: what it is, its layers, and the function document."""
    from rich.syntax import Syntax
    from rich.table import Table

    about = Table.grid(padding=(0, 2))
    for name, value in _make_rows(facts):
        if value:
            about.add_row(name, value)
    layers = Table("layer", "size", "of", "holds", box=None, padding=(0, 2, 0, 0))
    for layer in facts["layers"]:
        layers.add_row(layer["digest"][7:19], format_size(layer["size"]), layer["of"], layer["holds"][:100])
    parts: list[RenderableType] = [about, "", layers]
    if facts["document"]:
        parts += ["", Syntax(facts["document"].rstrip(), "yaml", background_color="default")]
    return parts


def _make_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    source, base, python, lock = facts["source"], facts["base"], facts["python"], facts["lock"]
    bill, provenance, slim = facts["sbom"], facts["provenance"], facts["slim"]
    parts = ", ".join(f"{count} {kind}" for kind, count in bill["components"].items()) if bill else ""
    packages = sum("==" in line or " @ " in line for line in (lock["text"] or "").splitlines() if line[:1].isalnum())
    return [
        ("image", facts["image"]),
        ("digest", facts["digest"]),
        ("platform", facts["platform"]),
        ("size", f"{format_size(facts['size'])} in {len(facts['layers'])} layers"),
        ("created", facts["created"]),
        ("kind", "a base image of Ovenbird" if facts["kind"] == "base" else ""),
        ("function", facts["function"]),
        ("source", " ".join(part for part in (source["uri"], source["revision"]) if part)),
        ("source digest", source["digest"]),
        ("base", "@".join(part for part in (base["name"], base["digest"]) if part)),
        ("python", ", ".join(part for part in (python["version"], python["soabi"], python["libc"]) if part)),
        ("runtime", facts["runtime"] and f"ovenbird {facts['runtime']}"),
        ("lock", lock["digest"] and f"{lock['digest']}, {packages} packages"),
        ("slim", slim and f"without {slim['files']} files of packages, {format_size(slim['bytes'])}"),
        ("entrypoint", " ".join(facts["entrypoint"])),
        ("user", facts["user"]),
        ("sbom", parts and f"CycloneDX: {parts}"),
        (
            "provenance",
            provenance
            and f"SLSA: {provenance['build_type']} by {provenance['builder']}, {provenance['materials']} materials",
        ),
        (
            "signatures",
            ", ".join(signature["type"] for signature in facts["signatures"]) or (facts["referrers"] and "none"),
        ),
    ]


def format_size(count: int) -> str:
    """Return a size in bytes as text for people."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
