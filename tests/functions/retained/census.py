"""What is left of calls in a process whose collector is off."""

import collections
import gc
import os
import resource
from pathlib import Path

BIG = 8_000_000
KINDS = (
    "HttpCall", "ThreadedCall", "WsgiCall", "ResponseCycle", "LimitedHttpProtocol", "GeneratorThread", "frame",
    "traceback",
)  # fmt: skip

if "ADDRESS_SPACE" in os.environ:
    resource.setrlimit(resource.RLIMIT_AS, (int(os.environ["ADDRESS_SPACE"]),) * 2)


def disable_collector(context=None):
    gc.disable()


def census():
    """Cycles that only a collector would free, objects of calls that are alive, and the memory of the process."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    cycles = collections.Counter(type(item).__name__ for item in gc.garbage)
    gc.garbage.clear()
    gc.set_debug(0)
    alive = sum(type(item).__name__ == "HttpCall" for item in gc.get_objects())
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"cycles": {kind: cycles[kind] for kind in KINDS if cycles[kind]}, "alive": alive, "resident": resident}
