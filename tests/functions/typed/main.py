"""A typed function, with classes of its own and a sibling import."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from rates import RATES


@dataclass
class Line:
    """One line of an order."""

    name: str
    price: Decimal
    count: int = 1


@dataclass
class Order:
    """An order."""

    lines: list[Line]
    currency: str = "EUR"


def handler(order: Order) -> dict[str, Decimal]:
    """Add up an order."""
    return {"total": sum(line.price * line.count for line in order.lines) * RATES[order.currency]}
