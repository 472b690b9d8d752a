"""`ovenbird sbom IMAGE`: the bill of materials of an image, as CycloneDX JSON on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from ..attestations.find_sbom import find_bill, make_bill
from ..image_reader.resolve import resolve_image
from .inspect import add_access_options, read_access


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("image", metavar="IMAGE", help="an image that `ovenbird build` has made, as for `inspect`")
    add_access_options(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the bill; a note on stderr where it had to be made from the image itself. Errors: those of the image."""
    image = resolve_image(args.image, read_access(args, environ))
    bill = find_bill(image)
    if bill is None:
        bill = make_bill(image)
        print("note: the image has no bill of materials attached; this one is made from what it holds", file=sys.stderr)
    print(json.dumps(json.loads(bill), indent=2, ensure_ascii=False))
    return 0
