"""The smallest service works."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.service import Service


@pytest.mark.slow
def test_a_typed_function_is_served(serve: Callable[..., Service]) -> None:
    """Fields of a JSON object reach a function by name, and its dict is the answer."""
    service = serve("def handler(name: str, n: int = 1):\n    return {'hello': name, 'n': n}\n")
    answer = service.call({"name": "Ada"})
    assert (answer.status_code, answer.json()) == (200, {"hello": "Ada", "n": 1})
    assert service.stop() == 0
