"""Measure Ovenbird's server and its peers: `python benchmarks/serve`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import memory
import preload
import report
import speed
import targets
import transfers
import workers
import wrk
from environments import OWN, say, unpack_revision
from live import CLIENT_CORE
from processes import FailedError
from servers import ASYNC, BARE, BARE_LEAN, BARE_LOG, SERVERS, SYNC, Server, make_before_server, make_pid_server
from session import conclude, raise_ended

import starts

SECTIONS = ("speed", "start", "memory", "transfers", "workers", "preload")
TITLES = {server.name: server.title for server in SERVERS}


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options; `--quick` changes the defaults of the others."""
    names = " ".join(server.name for server in SERVERS)
    parser = argparse.ArgumentParser(prog="benchmarks/serve", description=__doc__, epilog=f"Servers: {names}")
    parser.add_argument("--rounds", type=int, help="rounds over all servers (3)")
    parser.add_argument("--seconds", type=int, help="length of one measurement (4)")
    parser.add_argument("--starts", type=int, help="starts of each server (9)")
    parser.add_argument("--only", help="servers whose speed is measured, separated by commas; the bare ones always are")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="parts of the report (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one short round and fewer calls: to try the harness")
    parser.add_argument("--before", metavar="REVISION", help="also this commit's Ovenbird, row by row")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1 if options.quick else 4)
    options.starts = options.starts or (3 if options.quick else 9)
    options.steps = (2_000, 6_000, 10_000) if options.quick else (20_000, 60_000, 100_000)
    options.sections = options.sections.split(",")
    options.servers = SERVERS
    if options.only:
        chosen_names = {BARE.name, BARE_LEAN.name, BARE_LOG.name, *options.only.split(",")}
        options.servers = tuple(server for server in SERVERS if server.name in chosen_names)
        if unknown := chosen_names - TITLES.keys():
            parser.error(f"--only: no server is named {', '.join(sorted(unknown))}")
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"--sections: expected some of {', '.join(SECTIONS)}; found {', '.join(sorted(unknown))}")
    if min(options.rounds, options.seconds, options.starts) < 1:
        parser.error("--rounds, --seconds and --starts are at least 1")
    return options


def measure(options: argparse.Namespace) -> tuple[list[str], dict[str, Any], list[targets.Target]]:
    """Measure the selected sections, and return the parts of the report, the same as data, and the targets."""
    parts: list[str] = []
    data: dict[str, Any] = {}
    bounds: list[targets.Target] = []
    if "speed" in options.sections:
        servers = options.servers
        if options.before:
            folder = unpack_revision(options.before)
            servers = tuple(row for server in servers for row in _add_before(server, folder))
        rows = speed.measure(servers, options.rounds, options.seconds)
        parts.append(report.format_speed(rows))
        if options.before:
            parts.append(report.format_before(rows))
        data["speed"] = {name: speed.to_data(row) for name, row in rows.items()}
        bounds += targets.make_speed_targets(rows)
    if "start" in options.sections:
        begun = starts.measure((BARE, ASYNC, SYNC), options.starts)
        parts.append(report.format_starts(begun, TITLES))
        data["start_seconds"] = begun
        bounds += targets.make_start_targets(begun)
    if "memory" in options.sections:
        sizes = memory.measure((BARE, ASYNC, SYNC), options.steps)
        parts.append(report.format_memory(sizes, options.steps, TITLES))
        data["memory_mib"] = sizes
        bounds += targets.make_memory_targets(sizes)
    if "transfers" in options.sections:
        peaks = transfers.measure()
        parts.append(report.format_transfers(peaks))
        data["transfers_peak_mib"] = peaks
        bounds += targets.make_transfer_targets(peaks)
    if "workers" in options.sections:
        servers = tuple(make_pid_server(count) for count in workers.WORKERS)
        if options.before:
            servers += tuple(make_before_server(server, unpack_revision(options.before)) for server in servers)
        shares = workers.measure_shares(servers)
        parts.append(report.format_sharing(shares, {server.name: server.title for server in servers}))
        data["shares"] = shares
        data["drains"] = workers.measure_drains()
        parts.append(report.format_drains(data["drains"]))
        bounds.append(targets.make_drain_target(data["drains"]))
    if "preload" in options.sections:
        rounds = preload.measure(options.starts)
        parts.append(report.format_preload(rounds))
        data["preload"] = rounds
        bounds += targets.make_preload_targets(rounds)
    return parts, data, bounds


def _add_before(server: Server, folder: Path) -> tuple[Server, ...]:
    """Return a server, and if it is Ovenbird the same one from the sources in `folder`."""
    return (server, make_before_server(server, folder)) if server.name.startswith("ovenbird-") else (server,)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the selected sections, print the report, write the figures; return 1 if anything failed."""
    options = parse_options(argv)
    signal.signal(signal.SIGTERM, raise_ended)
    described = machine.describe()
    try:
        wrk.ensure()
    except FailedError as error:
        say(str(error))
        return 1
    chosen = options.servers if "speed" in options.sections else ()
    others = [preload.ENVIRONMENT] if "preload" in options.sections else []
    packages = machine.describe_packages([OWN, *(server.environment for server in chosen), *others])
    os.sched_setaffinity(0, {CLIENT_CORE})
    parts, data, bounds = measure(options)
    chosen_options = {name: getattr(options, name) for name in ("rounds", "seconds", "starts", "steps", "sections")}
    status = conclude("serve", described, packages, parts, {"options": chosen_options, **data}, bounds)
    return 1 if has_failed(data) else status


def has_failed(data: dict[str, Any]) -> bool:
    """Return whether a server that could be installed gave no figures."""
    return any(row["failed"] for row in data.get("speed", {}).values())


if __name__ == "__main__":
    sys.exit(main())
