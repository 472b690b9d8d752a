"""The bare run: command line, load, bind and call as `ovenbird run` does them, without the record."""

import sys
from typing import Any

from ovenbird import cli


def _run(target: Any, *_: Any) -> int:
    from ovenbird.function.binder import JOB
    from ovenbird.function.handler import Handler
    from ovenbird.function.loader import load

    handler = Handler(load(target), JOB, fields_only=True)
    handler.call()
    return 0


if __name__ == "__main__":
    cli._DO["run"] = _run
    cli.main(["run", sys.argv[1]])
