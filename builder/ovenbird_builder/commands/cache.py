"""`ovenbird cache ls|info|prune`: what the builder keeps on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping

from msgspec.structs import asdict

from ovenbird.common.units import parse_age, parse_size

from ..cache.folder import check_holds_cache, find_cache
from ..cache.layer_cache import LayerCache
from ..cache.prune import list_entries, measure_usage, prune_cache
from ..host.epoch import format_epoch
from ..host.flag_values import parse_flag
from ..image_store.unnamed_images import list_unnamed, remove_unnamed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    _add_folder(parser, "")
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ls|info|prune")
    listing = verbs.add_parser("ls", help="list the entries, the last used first, as tab-separated lines")
    info = verbs.add_parser("info", help="where the cache is and how large, as JSON")
    removing = verbs.add_parser("prune", help="remove what is not needed; what was removed, as JSON")
    for inner in (listing, info, removing):
        _add_folder(inner, argparse.SUPPRESS)  # what stands before the action is kept
    removing.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    removing.add_argument("--older-than", default="", help="what was not used for this long: 12h, 30d, 4w")
    removing.add_argument("--max-size", default="", help="the longest unused until this much is left: 500M, 20G")


def _add_folder(parser: argparse.ArgumentParser, default: str) -> None:
    text = "the folder (OVENBIRD_CACHE_DIR, ~/.cache/ovenbird)"
    parser.add_argument("--cache-dir", default=default, metavar="DIR", help=text)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do it; the exit status."""
    folder = find_cache(args.cache_dir, environ)
    check_holds_cache(folder)
    cache = LayerCache(folder)
    if args.action == "ls":
        for row in list_entries(cache):
            used = format_epoch(row.used)
            sys.stdout.write(f"{row.kind}\t{row.digest[7:19]}\t{row.size}\t{used}\t{row.name}\n")
        return 0
    if args.action == "info":
        result = asdict(measure_usage(cache))
    else:
        older = _parse_amount(args.older_than, parse_age, "--older-than", "30d") if args.older_than else None
        most = _parse_amount(args.max_size, _parse_size, "--max-size", "20G") if args.max_size else None
        result = asdict(prune_cache(cache, older_than=older, max_size=most, dry_run=args.dry_run))
        images = list_unnamed(environ)
        images = images if args.dry_run else remove_unnamed(images, environ)
        result |= {"images": [image.id for image in images], "dry_run": args.dry_run}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _parse_size(text: str) -> int:
    return parse_size(text, kilo=1024, units="kmgt")


def _parse_amount(text: str, parse: Callable[[str], float], flag: str, example: str) -> int:
    return int(parse_flag(parse, text, flag, hint=f"for example {example}"))
