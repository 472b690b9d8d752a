"""The load generator: install it when it is missing, run it on the clients' core, refuse a run with any failure."""

from __future__ import annotations

import os
import re
import resource
import shutil

import work
from environments import HERE, say
from live import CLIENT_CORE, SERVER_CORE, Running
from processes import FailedError, core_seconds, cpu_seconds, finish


class LoadError(FailedError):
    """Load with failures; `figures` are the shares of the cores that others took meanwhile."""

    def __init__(self, message: str, figures: dict[str, float]) -> None:
        super().__init__(message)
        self.figures = figures


def ensure() -> None:
    """Have `wrk`, from apt where it is missing."""
    if shutil.which("wrk"):
        return
    if not shutil.which("apt-get"):
        raise FailedError("wrk is not installed and there is no apt-get to install it with")
    say("installing wrk with apt-get (once) ...")
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")  # there is no terminal to ask for a password on
    finish((*sudo, "apt-get", "update", "-qq"), 300)
    finish((*sudo, "apt-get", "install", "-qq", "-y", "--no-install-recommends", "wrk"), 300)


def _read_clocks(pid: int) -> tuple[float, ...]:
    """Return CPU times so far: of the server, of the harness and its children, of both cores, and stolen."""
    own = sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return cpu_seconds(pid), own, *core_seconds({SERVER_CORE, CLIENT_CORE})


def load(running: Running, connections: int, seconds: int) -> dict[str, float]:
    """Put load on a server and return requests per second, per second of its CPU time, and latencies in ms.

    `others_share` and `stolen_share` tell how far to trust the rest: what other processes and the hypervisor took
    meanwhile of the two cores, 1 being one core for the whole time.
    wrk counts as good what is below status 400; the callers check an answer before and after.
    """
    url = f"http://127.0.0.1:{running.port}{running.server.path}"
    command = ("taskset", "--cpu-list", str(CLIENT_CORE), "wrk", "--latency", "--threads", "1")
    options = ("--connections", str(connections), "--duration", f"{seconds}s", "--script", str(HERE / "post.lua"), url)
    before = _read_clocks(running.pid)
    output = finish((*command, *options), seconds + 30, env={**os.environ, "BENCH_BODY": work.BODY.decode()})
    busy, own, all_busy, stolen = (
        later - earlier for later, earlier in zip(_read_clocks(running.pid), before, strict=True)
    )
    shares = {"others_share": max(0.0, all_busy - busy - own) / seconds, "stolen_share": stolen / seconds}
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), "")
    counts = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}
    if not counts or not counts["requests"]:
        raise LoadError(f"at {connections} connections wrk counted no answer", shares)
    bad = {name: counts[name] for name in ("connect", "read", "write", "status", "timeout") if counts[name]}
    if bad:
        raise LoadError(
            f"at {connections} connections wrk counted failures: {bad} of {counts['requests']} calls", shares
        )
    return {
        "requests_per_second": counts["requests"] / counts["duration_us"] * 1e6,
        "requests_per_cpu_second": counts["requests"] / max(busy, 0.01),
        **shares,
        "p50_ms": counts["p50_us"] / 1000,
        "p99_ms": counts["p99_us"] / 1000,
    }
