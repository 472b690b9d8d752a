"""`python -m ovenbird` and the `ovenbird` command: Ctrl-C is quiet from the first line of ours on."""

from __future__ import annotations

import os


def main() -> None:
    """Run one verb and end the process with its exit status."""
    try:
        from .common.interrupts import end_on_interrupt

        end_on_interrupt()
    except KeyboardInterrupt:  # it came amid the import of `signal`
        os._exit(130)
    from .cli import main

    main()


if __name__ == "__main__":
    main()
