"""Time from the start of the process to the first good answer."""

from __future__ import annotations

from collections.abc import Sequence

from environments import NotInstalledError, say
from live import run_server
from processes import FailedError
from servers import Server

Starts = dict[str, list[float] | str]


def measure(servers: Sequence[Server], times: int) -> Starts:
    """Return the seconds of each start, interleaved, without the first; or the reason why there are none."""
    starts: Starts = {}
    for turn in range(times + 1):
        say(f"start: {turn} of {times}" if turn else "start: one that is not counted")
        for server in servers:
            seconds = starts.setdefault(server.name, [])
            if isinstance(seconds, str):
                continue
            try:
                with run_server(server) as live:
                    took = live.wait()
            except (FailedError, OSError) as error:
                if not isinstance(error, NotInstalledError):
                    say(f"FAILED: start of {server.name}: {error}")
                starts[server.name] = str(error)
                continue
            if turn:
                seconds.append(took)
    return starts


def list_ratios(starts: Starts, name: str, base: str) -> list[float]:
    """Return the ratio of each start to the other server's start in that turn; none where one of the two failed."""
    own, other = starts.get(name), starts.get(base)
    if not own or not other or isinstance(own, str) or isinstance(other, str):
        return []
    return [seconds / reference for seconds, reference in zip(own, other, strict=True)]
