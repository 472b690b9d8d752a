"""`ovenbird build`: source and dependencies in, an image out; one JSON object on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType

from .. import options as table
from .. import report
from ..pipeline import build, dry_run
from ..progress import Progress, progress
from ..spec import Request, request


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of the verb."""
    table.add(parser, "build")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Build; print the result. Errors: those of every phase."""
    asked = request(table.given(args, environ), environ)
    told = progress(sys.stderr, secrets(asked))
    with ended_by_signals():
        try:
            if asked.dry_run:
                sys.stdout.write(report.text(dry_run(asked, environ, told)))
                return 0
            result = build(asked, environ, told)
        finally:
            told.close()
    document = result.document()
    if asked.result_file:
        report.write(asked.result_file, document)
    sys.stdout.write(report.text(document))
    sys.stdout.flush()
    _say(result, told)
    return 0


def secrets(asked: Request) -> tuple[str, ...]:
    """What must never be shown."""
    return (*(text for secret in asked.secrets for text in secret.texts), *asked.network.secrets())


def _say(result: report.Result, told: Progress) -> None:
    hits = sum(layer.cached for layer in result.layers)
    what = "built" if result.changed else "nothing changed"
    told.say(
        f"{what}: {result.image}@{result.digest} ({len(result.layers)} layers, {hits} cached, {result.seconds:.2f} s)"
    )


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a build as Ctrl-C does: through every `finally`, so that nothing is left behind."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
