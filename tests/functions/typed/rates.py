"""Exchange rates."""

from decimal import Decimal

RATES = {"EUR": Decimal(1), "USD": Decimal("1.1")}
