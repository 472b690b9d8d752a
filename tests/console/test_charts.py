from __future__ import annotations

import math

from ovenbird_console.charts import is_curve, make_chart


def test_lines_of_different_lengths_share_the_steps() -> None:
    """What is not finite is a gap."""
    chart = make_chart({"a": [1.0, math.nan, 3.0], "b": 5.0})
    assert chart["x"] == [1, 2, 3]
    assert [line["values"] for line in chart["series"]] == [[1.0, None, 3.0], [5.0, None, None]]
    assert (is_curve([1.0, 2.0]), is_curve(1.0), is_curve([1.0])) == (True, False, False)


def test_a_long_curve_is_thinned_and_keeps_its_last_value() -> None:
    chart = make_chart({"a": [float(number) for number in range(100_001)]})
    assert (len(chart["x"]) <= 1001, chart["x"][-1], chart["series"][0]["values"][-1]) == (True, 100_001, 100_000.0)
    assert make_chart({}) == {"x": [], "series": []}
