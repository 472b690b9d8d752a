"""`ovenbird manifests`: what Kubernetes or Knative needs to run a function."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovenbird.common.output_path import is_source_file
from ovenbird.common.text import show_value

from ..actions.make_manifests import make_documents
from ..actions.manifest_flags import add_flags
from ..errors import BuildRequestError
from ..kubernetes import build_result, render


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("target", nargs="?", default="", metavar="TARGET",
                        help="function.yaml, its folder, FILE.py or FILE.py:handler")  # fmt: skip
    add_flags(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print or write the manifests; the exit status."""
    documents: list[dict[str, Any]] = []
    notes: list[str] = []
    for call_args in _split_calls(args, notes):
        documents += make_documents(call_args, environ, notes)
    keys = [(document["kind"], document["metadata"].get("name")) for document in documents]
    if twice := next((key for number, key in enumerate(keys) if key[1] and key in keys[:number]), None):
        raise BuildRequestError(
            f"two functions would both make the {twice[0]} {show_value(twice[1])}", hint="name one as TARGET"
        )
    for note in dict.fromkeys(notes):
        sys.stderr.write(f"note: {note}\n")
    if args.output not in ("", "-"):
        inputs = [
            Path(name)
            for name in (args.target, args.build_result, args.task, args.params, args.each, args.authfile)
            if name
        ]
        if is_source_file(Path(args.output), inputs):
            problem = f"{show_value(args.output)} is a file that the function is made of, and is not replaced"
            raise BuildRequestError(f"--output: {problem}")
        removed: list[Path] = []
        for written in render.write(documents, args.output, removed, as_json=args.json):
            sys.stderr.write(f"wrote {written}\n")
        for path in removed:
            sys.stderr.write(f"removed {path}, which is no longer meant\n")
    else:
        sys.stdout.write(render.to_json(documents) if args.json else render.to_yaml(documents))
    return 0


def _split_calls(args: argparse.Namespace, notes: list[str]) -> list[argparse.Namespace]:
    """Return the call, or with `--build-result` one for each function that was built, with its target and image."""
    if not args.build_result:
        return [argparse.Namespace(**{**vars(args), "target": args.target or "."})]
    if args.image:
        raise BuildRequestError("`--image` and `--build-result` both name the image", hint="leave one out")
    built = build_result.read(Path(args.build_result), args.target, notes)
    if len(built) > 1 and args.name:
        raise BuildRequestError(
            f"`--name` cannot name all of them: {show_value(args.build_result)} holds {len(built)} functions"
        )
    return [argparse.Namespace(**{**vars(args), "target": entry.target, "image": entry.image}) for entry in built]
