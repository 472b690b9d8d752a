"""Quantities are checked before a cluster sees them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ovenbird_builder.kubernetes.quantity import canonicalize, find_problem, parse_amount


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("500m", Decimal("0.5")), ("0.5", Decimal("0.5")), ("1k", 1000), ("1Ki", 1024), ("2Gi", 2 * 1024**3),
    ("3M", 3000000)],
)  # fmt: skip
def test_quantities_have_decimal_and_binary_units(text: str, value: Decimal) -> None:
    """Decimal and binary units."""
    assert parse_amount(text) == value


@pytest.mark.parametrize(
    "text", ["", "500x", "1 Gi", "-1", "0", "0m", "1e3Gi", "Gi", "1GI", "1gb", "1,5", "٣", "1K", "1" * 40]
)
def test_invalid_quantities_are_refused(text: str) -> None:
    """Nothing that a cluster would refuse passes."""
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("cpu", "500x", "a quantity such as 500m"), ("cpu", "2Gi", "CPUs, not bytes"), ("mem", "512", "bytes such as"),
        ("mem", "512m", "bytes such as"), ("mem", "1.5.5Gi", "such as 512Mi"), ("gpu", "0.5", "whole number of GPUs"),
        ("gpu", "500m", "whole number"), ("disk", "lots", "such as 512Mi"),
    ],
)  # fmt: skip
def test_a_wrong_quantity_is_reported(field: str, text: str, expected: str) -> None:
    """Also the right form of the wrong thing: 512 bytes of memory, gigabytes of CPU, half a GPU."""
    assert expected in find_problem(field, text)


@pytest.mark.parametrize(
    ("field", "text"), [("cpu", "500m"), ("cpu", "64"), ("mem", "2Gi"), ("gpu", "0"), ("disk", "1.5Gi")]
)
def test_a_right_quantity_is_not(field: str, text: str) -> None:
    """The usual ones pass."""
    assert find_problem(field, text) == ""


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0.25", "250m"), ("2000m", "2"), ("1500m", "1500m"), ("1.5", "1500m"), ("0.0001", "100u"), ("2", "2"),
        ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1024Ki", "1Mi"), ("1000M", "1G"), ("1500M", "1500M"),
        ("0.1Gi", "107374182400m"), ("4000", "4k"), ("4096", "4096"), ("0", "0"), ("512Mi", "512Mi"),
    ],
)  # fmt: skip
def test_a_quantity_as_the_server_stores_it(text: str, stored: str) -> None:
    """Whole numbers, the largest suffix of its own family; `kubectl apply` again then changes nothing."""
    assert canonicalize(text) == stored
    assert canonicalize(stored) == stored
