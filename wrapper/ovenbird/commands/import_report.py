"""The report of `ovenbird check --imports` as text for people."""

from __future__ import annotations

from typing import Any

from ..common.text import escape_controls
from ..common.text_table import format_table
from ..common.units import show_size

_HEAVIEST = 10
_HINT = (
    "A hint only: what is imported later (in `init`, in a call), plugins and command-line tools count as never "
    "imported."
)


def format_import_report(report: dict[str, Any]) -> str:
    """Return the report as text for people."""
    rest, heaviest = report["distributions"][_HEAVIEST:], report["distributions"][:_HEAVIEST]
    packages = sum(entry["seconds"] for entry in report["distributions"])
    parts = {"distributions": packages, "the standard library": report["standard_library"],
             "the function's own": report["function"]}  # fmt: skip
    shares = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in parts.items())
    lines = [f"imports       {report['seconds']:.3f} s for {_count_modules(report['modules'])}: {shares}"]
    lines += _format_bytecode(report["compiled"], report["without_bytecode"])
    if heaviest:
        if rest:
            sums = {name: sum(entry[name] for entry in rest) for name in ("seconds", "modules")}
            heaviest = [*heaviest, {"name": f"{len(rest)} more", "version": "", **sums}]
        rows = [("distribution", "version", "seconds", "share", "modules")]
        rows += [_format_time(entry, report["seconds"]) for entry in heaviest]
        lines += ["", format_table(rows, right=(2, 3, 4))]
    return "\n".join([*lines, "", *_format_unused(report)])


def _format_unused(report: dict[str, Any]) -> list[str]:
    unused, source = report["never_imported"], escape_controls(report["wanted"] or "")
    if unused is None:
        return ["never imported: not known, as there is neither a lock nor a list of requirements beside the function"]
    if not unused:
        return [f"never imported: none of {source}"]
    lines = [f"never imported, of {source}:"]
    for is_direct, title in ((True, "asked for"), (False, "brought by others")):
        packages = [package for package in unused if package["direct"] is is_direct]
        if packages:
            lines += [_format_packages(packages, title), ""]
    return [*lines, _HINT]


def _format_packages(packages: list[dict[str, Any]], title: str) -> str:
    rows = [(title, "version", "size", "takes along", "note")]
    for package in packages[:_HEAVIEST]:
        size, brings = show_size(package["bytes"]) if package["bytes"] else "", _shorten(package["brings"])
        rows.append((package["name"], package["version"], size, brings, package["note"]))
    if rest := packages[_HEAVIEST:]:
        rows.append((f"{len(rest)} more", "", show_size(sum(package["bytes"] for package in rest)), "", ""))
    columns = [index for index in range(5) if any(row[index] for row in rows[1:])]
    return format_table([[row[index] for index in columns] for row in rows], right=(2,))


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _format_time(entry: dict[str, Any], total: float) -> tuple[str, str, str, str, str]:
    share = f"{entry['seconds'] / total:.0%}" if total else ""
    return escape_controls(entry["name"]), entry["version"], f"{entry['seconds']:.3f}", share, str(entry["modules"])


def _format_bytecode(compiled: int, missing: int) -> list[str]:
    """Return a line that says that compiling is part of the time; none where no module was compiled."""
    if missing:
        return [f"{'':<14}without bytecode: {_count_modules(missing)}; the time includes compiling, at each start"]
    if compiled:
        return [f"{'':<14}without bytecode before: {_count_modules(compiled)}; the time includes compiling, this once"]
    return []


def _count_modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"
