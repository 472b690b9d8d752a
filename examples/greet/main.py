"""Greet somebody: an init that runs once, and a handler with typed arguments."""

from typing import Any


def init(context: Any, greeting: str = "Hello") -> None:
    """Run once in each worker, before the first call: load a model here, open a connection."""
    context.greeting = greeting
    context.logger.info_with("the greeter is ready", greeting=greeting)


def handler(context: Any, name: str, times: int = 1) -> dict[str, Any]:
    """Greet `name`, `times` over."""
    return {"greeting": ", ".join([f"{context.greeting} {name}"] * times), "trace": context.trace_id}
