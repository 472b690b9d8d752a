"""Quantities of Kubernetes: `500m`, `2Gi`, `1`."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(m|k|Ki|[MGTPE]i?)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,4}", re.ASCII)
_FACTORS = {"m": Decimal("0.001"), "k": Decimal(1000), "Ki": Decimal(1024), None: Decimal(1)}
_FACTORS |= {unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)}
_FACTORS |= {unit + "i": Decimal(1024) ** power for power, unit in enumerate("MGTPE", 2)}


def amount(text: str) -> Decimal | None:
    """The number that a quantity stands for; None when it is none, or not above 0."""
    found = _FORM.fullmatch(text)
    value = Decimal(found[1]) * _FACTORS[found[2]] if found else Decimal(0)
    return value if value > 0 else None


def problem(field: str, text: str) -> str:
    """What is wrong with the quantity of `cpu`, `mem`, `disk` or `gpu`; empty when nothing is."""
    if field == "gpu":
        return "" if _WHOLE.fullmatch(text) else "expected a whole number of GPUs"
    value = amount(text)
    if value is None:
        return "expected a quantity such as 500m or 1" if field == "cpu" else "expected a quantity such as 512Mi or 2Gi"
    if field == "cpu":
        return "" if value < 4096 else "expected CPUs, not bytes, such as 500m or 1"
    # 512 alone, and 512m, are bytes and thousandths of bytes: a slip that a cluster takes and then cannot run
    return "" if value >= 1024 else "expected a quantity of bytes such as 512Mi or 2Gi"
