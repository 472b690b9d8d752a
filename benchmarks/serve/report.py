"""The report as Markdown, from what the sections measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import preload
import speed
from memory import Sizes
from targets import Target

from starts import Starts

Cells = Sequence[str]


def format_table(head: Cells, rows: Iterable[Cells], align: str = "---:") -> str:
    """Return a Markdown table; columns after the first hold figures, aligned right."""
    lines = [head, ["---", *[align] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _format_ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _escape(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def format_machine(machine: dict[str, str], packages: dict[str, str]) -> str:
    """Return the tables of the machine and the versions."""
    kinds = ((("machine", ""), machine), (("environment", "versions"), packages))
    return "\n\n".join(format_table(head, lines.items(), "---") for head, lines in kinds)


def format_speed(rows: dict[str, speed.Row]) -> str:
    """Return a table for each number of connections; ratios are to the limit, and its own row says 1.00."""
    parts = []
    head = ("server", "calls/s", "of the limit", "per CPU second", "p50 ms", "p99 ms", "p99 of the limit")
    for count in speed.CONNECTIONS:
        bare = speed.find_limit(rows, count)
        cells = [_format_speed_row(row, bare, count, len(head)) for row in rows.values()]
        parts.append(f"### {count} connection{'s' if count > 1 else ''}\n\n{format_table(head, cells)}")
    return "\n\n".join(("## Speed", _format_noise(rows), *parts))


def format_before(rows: dict[str, speed.Row]) -> str:
    """Return a table of each server's calls a second and 99th percentile as ratios to those of the commit before."""
    head = ("server", *(f"{figure}, {count}" for count in speed.CONNECTIONS for figure in ("calls/s", "p99")))
    cells = []
    for name, row in rows.items():
        base = rows.get(f"{name}-before")
        if base is not None:
            ratios = (
                speed.compute_ratio(row, base, count, figure)
                for count in speed.CONNECTIONS
                for figure in ("requests_per_second", "p99_ms")
            )
            cells.append((row.server.title, *map(_format_ratio, ratios)))
    return "## To the commit before\n\n" + format_table(head, cells)


def _format_noise(rows: dict[str, speed.Row]) -> str:
    """Return the share that other processes took, and whether it is too much to decide anything."""
    measured = [figures for row in rows.values() for rounds in row.rounds.values() for figures in rounds]
    parts = []
    for culprit, figure in (("other processes", "others_share"), ("the hypervisor", "stolen_share")):
        shares = [figures[figure] for figures in measured] or [0.0]
        parts.append(f"{culprit} {median(shares):.0%} (median; {max(shares):.0%} at the most)")
    bad = sum(speed.compute_disturbance(figures) > speed.DISTURBED for figures in measured)
    doubt = f" **{bad} of {len(measured)} measurements were disturbed: run again on a quiet machine.**" if bad else ""
    return f"Taken from the measurements, in shares of one of the two cores: {', '.join(parts)}.{doubt}"


def _format_speed_row(row: speed.Row, bare: speed.Row | None, count: int, width: int) -> Cells:
    if row.failed or row.absent:
        reason = f"not installed: {row.absent}" if row.absent else f"FAILED: {row.failed}"
        return (row.server.title, _escape(reason), *[""] * (width - 2))
    return (
        row.server.title,
        f"{row.find_median(count, 'requests_per_second'):,.0f}",
        _format_ratio(speed.compute_ratio(row, bare, count)),
        _format_ratio(speed.compute_ratio(row, bare, count, "requests_per_cpu_second")),
        f"{row.find_median(count, 'p50_ms'):.2f}",
        f"{row.find_median(count, 'p99_ms'):.2f}",
        _format_ratio(speed.compute_ratio(row, bare, count, "p99_ms")),
    )


def format_starts(starts: Starts, titles: dict[str, str]) -> str:
    """Return the table of starts: median and range in ms."""
    rows: list[Cells] = []
    for name, seconds in starts.items():
        if isinstance(seconds, str):
            rows.append((titles[name], _escape(seconds), "", ""))
        else:
            rows.append((titles[name], *(f"{edge(seconds) * 1000:.0f}" for edge in (median, min, max))))
    return "## Start to first good answer\n\n" + format_table(("server", "median ms", "least", "most"), rows)


def format_memory(servers: dict[str, Sizes], steps: Sequence[int], titles: dict[str, str]) -> str:
    """Return the table of resident MiB by calls done."""
    rows: list[Cells] = []
    for name, sizes in servers.items():
        if isinstance(sizes, str):
            rows.append((titles[name], _escape(sizes), *[""] * len(steps)))
        else:
            rows.append((titles[name], *(f"{size:.1f}" for size in sizes.values())))
    head = ("server", "MiB at start", *(f"after {step:,}" for step in steps))
    return "## Resident memory\n\n" + format_table(head, rows)


def format_transfers(transfers: dict[str, float | str]) -> str:
    """Return the table of peak growth of each transfer."""
    rows = [(title, _escape(peak) if isinstance(peak, str) else f"{peak:.1f}") for title, peak in transfers.items()]
    return "## Large bodies\n\n" + format_table(("transfer", "peak growth, MiB"), rows)


def format_sharing(shares: dict[str, list[list[int]] | str], titles: dict[str, str]) -> str:
    """Return how many keep-alive clients the workers have, most first, in each trial."""
    rows = [
        (titles[name], _escape(trials) if isinstance(trials, str) else "; ".join(" ".join(map(str, t)) for t in trials))
        for name, trials in shares.items()
    ]
    return "## Keep-alive clients of each worker\n\n" + format_table(("server", "clients, most first; trials"), rows)


def format_drains(outcome: dict[str, Any]) -> str:
    """Return what became of the calls in all drains."""
    lost = ", ".join(outcome["lost"][:5]) or "none"
    row = (str(outcome["drains"]), f"{outcome['answered']:,}", f"{len(outcome['lost'])}: {_escape(lost)}")
    return "## Drains under load\n\n" + format_table(("drains", "calls answered", "lost"), [row])


def format_preload(rounds: preload.Rounds) -> str:
    """Return the medians of each way to start workers, and the ratios."""
    rows = [
        (
            f"`--preload {mode}`",
            *(f"{median(figures[mode][name] for figures in rounds):.3f}" for name in preload.FIGURES),
        )
        for mode in preload.MODES
    ]
    rows.append(("ratio", *(_format_ratio(median(preload.list_ratios(rounds, name))) for name in preload.FIGURES)))
    head = (
        "4 workers, pandas and scikit-learn",
        "memory (PSS), MiB",
        "all ready after, s",
        "their CPU time, s",
        "a successor answers after, s",
        "its CPU time, s",
    )
    return "## Preload\n\n" + format_table(head, rows)


def format_spread(rounds: Sequence[float]) -> str:
    """Return least, most and number of the figures of single rounds; empty for what was measured once."""
    return f"{min(rounds):.2f} to {max(rounds):.2f} ({len(rounds)})" if rounds else ""


def format_targets(targets: Iterable[Target]) -> str:
    """Return the table of targets with figures, their spread and verdicts."""
    rows = [
        (
            target.title,
            "-" if target.value is None else f"{target.value:.2f} {target.unit}",
            format_spread(target.rounds),
            f"{'at most' if target.at_most else 'at least'} {target.bound:g} {target.unit}",
            target.verdict,
        )
        for target in targets
    ]
    return "## Targets\n\n" + format_table(("target", "median", "range (rounds)", "wanted", "verdict"), rows)
