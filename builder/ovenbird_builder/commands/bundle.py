"""`ovenbird bundle`: base, wheels, lock and source of a function in one file, for a build with the network off."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ovenbird.common.output_path import find_output_problem

from .. import bundle_archive
from ..build import report
from ..build.environment import open_environment
from ..build.pipeline import prepare_all
from ..errors import BuildRequestError
from ..host.progress import make_progress
from ..request.build_request import list_input_files, list_secrets, parse_request
from . import options as table
from .build import TerminatedBySignal, end_by_signals


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    table.add(parser, "bundle")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the bundle; print where it is, its size and what is in it, as JSON. Errors: those of `build`.

    Where the bundle goes to stdout (`-o -`), the JSON goes to stderr.
    """
    flags = table.read_flags(args, environ)
    if not flags["out"]:
        raise BuildRequestError("-o FILE: the name of the bundle is missing")
    to_stdout = flags["out"] == "-"
    out = Path(table.find_path(args, environ, "out"))
    if not to_stdout and (problem := find_output_problem(out, list_input_files(flags))):
        raise BuildRequestError(f"-o: {problem}")
    build_request = parse_request({**flags, "output": (), "push": False}, environ)
    progress = make_progress(sys.stderr, list_secrets(build_request))
    progress.warn(build_request.notes)
    try:
        with (
            end_by_signals(),
            open_environment(build_request, environ, progress) as env,
            tempfile.TemporaryDirectory(prefix="ovenbird-") as folder,
        ):
            path = Path(folder, "bundle.tar") if to_stdout else out
            prepared = prepare_all(build_request, env)
            size = bundle_archive.write(path, flags, build_request, prepared, env.cache)
            if to_stdout:
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.flush()
            first = prepared[0].inputs
            document = {
                "bundle": "-" if to_stdout else str(path),
                "size": size,
                "source": {"uri": first.tree.uri, "revision": first.tree.revision, "digest": first.tree.digest},
                "lock": {"path": first.needs.path, "digest": first.needs.lock.digest},
                "base": {"name": first.base.name, "digest": first.base.digest},
                "wheels": [wheel.filename for wheel in (*first.wheels, *first.runtime)],
            }
    except TerminatedBySignal as signalled:
        return signalled.status
    finally:
        progress.close()
    (sys.stderr if to_stdout else sys.stdout).write(report.format_result(document))
    return 0
