"""Fixtures for pytest, which finds them by an entry point; `-p no:ovenbird` leaves them out.

This module imports nothing but pytest: it is loaded in every environment that has Ovenbird, at each start of pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def ovenbird_service() -> Iterator[Callable[..., Any]]:
    """Start functions as services in this process: `service = ovenbird_service(handler, timeout=1.0)`.

    `service.call(json=…)` calls one. Init runs once, close at the end of the test. Arguments are those of
    `ovenbird.testing.service`.
    """
    from contextlib import ExitStack

    from .calls import service

    with ExitStack() as stack:
        yield lambda handler, **options: stack.enter_context(service(handler, **options))


@pytest.fixture
def ovenbird_call(ovenbird_service: Callable[..., Any]) -> Callable[..., Any]:
    """Call functions in this process: `ovenbird_call(handler, json={"n": 1}).json()`. Init runs once in a test."""
    services: list[tuple[Any, Any]] = []

    def call(handler: Any, *args: Any, **content: Any) -> Any:
        running = next((service for known, service in services if known is handler or known == handler), None)
        if running is None:
            running = ovenbird_service(handler)
            services.append((handler, running))
        return running.call(*args, **content)

    return call


@pytest.fixture
def ovenbird_run() -> Iterator[Callable[..., Any]]:
    """Run functions as jobs in this process: `ovenbird_run(handler, {"n": 1}).results`.

    Arguments are those of `ovenbird.testing.run`; the stores are removed after the test.
    """
    from .jobs import run

    results: list[Any] = []

    def start(handler: Any, *args: Any, **options: Any) -> Any:
        results.append(run(handler, *args, **options))
        return results[-1]

    yield start
    for result in results:
        result.close()
