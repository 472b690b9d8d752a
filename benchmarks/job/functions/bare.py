"""The bare run: command line, load, bind and call as `ovenbird run` does them, without the record."""

import sys

from ovenbird import cli
from ovenbird.commands import run
from ovenbird.commands.verb_call import VerbCall


def _run(call: VerbCall) -> int:
    from ovenbird.function.binder import JOB
    from ovenbird.function.handler import Handler
    from ovenbird.function.loader import load

    handler = Handler(load(call.find_target()), JOB, fields_only=True)
    handler.call()
    return 0


if __name__ == "__main__":
    run.main = _run
    cli.main(["run", sys.argv[1]])
