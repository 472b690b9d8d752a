"""`ovenbird build`: source and dependencies in, an image out; one JSON object on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from .. import bundles, report
from .. import options as table
from ..layers.cache import Cache
from ..pipeline import build, dry_run
from ..progress import Progress, progress
from ..spec import Request, cache_folder, request


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of the verb."""
    table.add(parser, "build")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Build; print the result. Errors: those of every phase."""
    try:
        with ended_by_signals(), contextlib.ExitStack() as stack:
            asked = _asked(table.given(args, environ), environ, stack)
            told = progress(sys.stderr, secrets(asked))
            stack.callback(told.close)
            told.warn(asked.notes)
            if asked.dry_run:
                sys.stdout.write(report.text(dry_run(asked, environ, told)))
                return 0
            result = build(asked, environ, told)
    except Ended as signalled:
        return signalled.status
    document = result.document()
    if asked.result_file and str(asked.result_file) != "-":  # stdout has it anyway
        report.write(asked.result_file, document)
    sys.stdout.write(report.text(document))
    sys.stdout.flush()
    _say(result, told)
    return 0


def _asked(given: dict[str, Any], environ: Mapping[str, str], stack: contextlib.ExitStack) -> Request:
    """The request, with what a bundle brings: all of it where the target is one, else base and wheels alone."""
    whole = bundles.is_bundle(given["target"])
    path = given["target"] if whole else given["bundle"]
    if not path:
        return request(given, environ)
    cache = Cache(cache_folder(given["cache_dir"], environ))
    stack.callback(cache.close)
    bundle = stack.enter_context(bundles.opened(Path(path), cache))
    if not whole:
        asked = request({**given, "base": given["base"] or bundle.given["base"]}, environ)
        return replace(asked, locks=bundle.document.parent)
    return replace(request(bundle.over(given), environ), bundled=bundle.tree, document=None)


def secrets(asked: Request) -> tuple[str, ...]:
    """What must never be shown."""
    return (*(text for secret in asked.secrets for text in secret.texts), *asked.network.secrets())


def _say(result: report.Result, told: Progress) -> None:
    hits = sum(layer.cached for layer in result.layers)
    what = "built" if result.changed else "nothing changed"
    told.say(
        f"{what}: {result.image}@{result.digest} ({len(result.layers)} layers, {hits} cached, {result.seconds:.2f} s)"
    )


class Ended(BaseException):
    """A signal came; raised so that every `finally` is run, and not an Exception so that nothing takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a build as Ctrl-C does: through every `finally`, so that nothing is left behind."""

    def end(number: int, _: FrameType | None) -> None:
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
