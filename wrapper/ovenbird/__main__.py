"""`python -m ovenbird` and the `ovenbird` command: Ctrl-C is quiet from the first line of ours on."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one verb, of `argv` or the command line, and end the process with its exit status."""
    try:
        from .common.interrupts import end_on_interrupt

        end_on_interrupt()
    except KeyboardInterrupt:  # it came amid the import of `signal`
        os._exit(130)
    from .cli import main as run_command

    run_command(argv)


if __name__ == "__main__":
    main()
