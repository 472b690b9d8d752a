"""A series as a small SVG picture, inline."""

from __future__ import annotations

from html import escape

from .series import Series, describe_series, scale_number, thin_out

_WIDTH, _HEIGHT, _MARGIN = 160, 36, 3  # pixels
_COLOUR = "#4c8bf5"  # seen on white and on black


def draw_curve(name: str, series: Series) -> str:
    """Return a line for the series, with gaps where its numbers are not finite; empty for fewer than two numbers."""
    finite = series.finite
    if len(finite) < 2:
        return ""
    points = thin_out(series.numbers)
    low, high = min(finite), max(finite)
    lines: list[list[str]] = [[]]
    for index, number in enumerate(points):
        if number is None:
            lines.append([])
            continue
        across = _MARGIN + (_WIDTH - 2 * _MARGIN) * index / max(1, len(points) - 1)
        down = _MARGIN + (_HEIGHT - 2 * _MARGIN) * (1 - scale_number(number, low, high))
        lines[-1].append(f"{across:.1f},{down:.1f}")
    lines_svg = "".join(_draw_line(line) for line in lines if line)
    label = escape(describe_series(name, series))
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' style="vertical-align:middle"><title>{label}</title>{lines_svg}</svg>'
    )


def _draw_line(points: list[str]) -> str:
    if len(points) == 1:
        across, _, down = points[0].partition(",")
        return f'<circle cx="{across}" cy="{down}" r="1.5" fill="{_COLOUR}"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{_COLOUR}" stroke-width="1.5"/>'
