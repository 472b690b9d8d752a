"""Measure two commits side by side, in turn: `python benchmarks/compare A B`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# what the benchmarks share lies there
sys.path.extend(str(Path(__file__).resolve().parent.parent / name) for name in ("serve", "job", "images", "build"))

import machine
import report
import summary
import wrk
from environments import CACHE, OWN, say
from processes import FailedError
from revisions import Revision, prepare_revisions
from sections import SECTIONS, Scale, measure_sections
from session import make_workplace

_QUICK = Scale(1, 1, 1, 1, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table of ratios, write the file; 1 when a section could not be measured."""
    options = _parse_options(argv)
    began = datetime.now(timezone.utc)
    described = machine.describe()
    try:
        sides, note = prepare_revisions(options.a, options.b)
        packages = _describe_packages(sides)
        if "serve" in options.sections:
            wrk.ensure()
    except FailedError as error:
        say(str(error))
        return 1
    with make_workplace("compare", options.folder) as folder:
        rows, faults = measure_sections(options.sections, sides, options.scale, folder)
    described |= {"load after": f"{os.getloadavg()[0]:.2f}"}
    described |= {side.name: side.title for side in sides} | {"environments": note}
    print(_format(described, packages, rows, faults))
    path = CACHE / "compare.json"
    summary.write_summary(path, {
        "began": began.isoformat(timespec="seconds"), "machine": described, "packages": packages, "environments": note,
        "revisions": {side.name: _describe(side) for side in sides}, "scale": asdict(options.scale),
        "faults": faults, "ratios": rows,
    })  # fmt: skip
    say(f"the figures are in {path}")
    return 1 if faults else 0


def _parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/compare", description=__doc__)
    parser.add_argument("a", metavar="A", help="a commit, branch or tag; `.` is the files as they are")
    parser.add_argument("b", metavar="B", help="another one, whose figures are divided by those of A")
    for name, value in asdict(Scale()).items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"[{value}]")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="what is measured [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="one round of each: to try the harness")
    parser.add_argument(
        "--folder", metavar="DIR", help="where to work: builds take 2 GB on a local disk [.cache/bench]"
    )
    options = parser.parse_args(argv)
    options.sections = options.sections.split(",")
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"--sections: expected some of {', '.join(SECTIONS)}; found {', '.join(sorted(unknown))}")
    defaults = asdict(_QUICK if options.quick else Scale())
    counts = {name: value if (value := getattr(options, name)) is not None else defaults[name] for name in defaults}
    if wrong := next((name for name, count in counts.items() if count < 1), None):
        parser.error(f"--{wrong} is at least 1")
    options.scale = Scale(**counts)
    return options


def _format(
    described: Mapping[str, str], packages: Mapping[str, str], rows: Sequence[summary.Row], faults: Mapping[str, str]
) -> str:
    """Return the report: the machine, the ratios of B to A, and what could not be measured."""
    cells = [
        (
            row["part"], row["title"], _format_figure(row["a"], row["figures_unit"]),
            _format_figure(row["b"], row["figures_unit"]), f"{row['value']:.3f}", summary.format_range(row),
            _format_quartiles(row), row["verdict"],
        ) for row in rows
    ]  # fmt: skip
    head = ("part", "figure", "A", "B", "B over A", "range (rounds)", "middle half", "B is")
    tables = [report.format_machine(dict(described), dict(packages)), report.format_table(head, cells)]
    notes = _list_disturbances(rows)
    notes += [f"**{name} was not measured: {reason}**" for name, reason in faults.items()]
    return "\n\n".join(["# Two commits", *tables, *notes])


def _list_disturbances(rows: Sequence[summary.Row]) -> list[str]:
    """Return a note where other processes took a part of the cores during measurements under load."""
    loaded = [row for row in rows if "disturbed" in row]
    disturbed, count = sum(row["disturbed"] for row in loaded), sum(2 * len(row["rounds"]) for row in loaded)
    if not disturbed:
        return []
    return [f"**{disturbed / count:.0%} of the measurements under load were disturbed: run again on a quiet machine**"]


def _format_figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"


def _format_quartiles(row: summary.Row) -> str:
    return "" if row["quartile_1"] is None else f"{row['quartile_1']:.3f} to {row['quartile_3']:.3f}"


def _describe_packages(sides: Sequence[Revision]) -> dict[str, str]:
    """Return the versions in the environment of both, or in that of each."""
    if len({side.programs for side in sides}) == 1:
        return machine.describe_packages([OWN])
    return {side.name: ", ".join(machine.describe_packages([str(side.programs)]).values()) for side in sides}


def _describe(side: Revision) -> dict[str, Any]:
    return {"typed": side.text, "commit": side.commit or None, "folder": str(side.folder)}


if __name__ == "__main__":
    sys.exit(main())
