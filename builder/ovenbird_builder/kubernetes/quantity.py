"""Quantities of Kubernetes: `500m`, `2Gi`, `1`."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_FORM = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(m|k|Ki|[MGTPE]i?)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,4}", re.ASCII)
_FACTORS = {"m": Decimal("0.001"), "k": Decimal(1000), "Ki": Decimal(1024), None: Decimal(1)}
_FACTORS |= {unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)}
_FACTORS |= {unit + "i": Decimal(1024) ** power for power, unit in enumerate("MGTPE", 2)}


def parse_amount(text: str) -> Decimal | None:
    """Return the number that a quantity stands for; None when it is not a quantity, or not above 0."""
    match = _FORM.fullmatch(text)
    value = Decimal(match[1]) * _FACTORS[match[2]] if match else Decimal(0)
    return value if value > 0 else None


def find_problem(field: str, text: str) -> str:
    """Return the problem of a quantity of `cpu`, `mem`, `disk` or `gpu`; empty when it is valid."""
    if field == "gpu":
        return "" if _WHOLE.fullmatch(text) else "expected a whole number of GPUs"
    value = parse_amount(text)
    if value is None:
        return "expected a quantity such as 500m or 1" if field == "cpu" else "expected a quantity such as 512Mi or 2Gi"
    if field == "cpu":
        return "" if value < 4096 else "expected CPUs, not bytes, such as 500m or 1"
    # 512 alone, and 512m, are bytes and thousandths of bytes: a slip that a cluster takes and then cannot run
    return "" if value >= 1024 else "expected a quantity of bytes such as 512Mi or 2Gi"


def canonicalize(text: str) -> str:
    """Return a quantity as the API server stores it: `250m` for 0.25, `1Gi` for 1024Mi, `1536Mi` for 1.5Gi.

    Else each `kubectl apply` would find a difference. What is no quantity comes back as it is.
    """
    value = parse_amount(text)
    if value is None:
        return text
    if text.endswith("i") and value >= 1024 and value == int(value):
        return _with_suffix(int(value), 1024, ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
    nano = int((value * 10**9).to_integral_value(ROUND_CEILING))
    return _with_suffix(nano, 1000, ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"))


def _with_suffix(number: int, base: int, suffixes: tuple[str, ...]) -> str:
    """Return a number with the largest suffix that leaves it whole."""
    step = 0
    while step < len(suffixes) - 1 and number % base == 0:
        number //= base
        step += 1
    return f"{number}{suffixes[step]}"
