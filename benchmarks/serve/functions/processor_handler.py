"""The work as a sync handler for the platform's processor."""

from typing import Any


def handler(context: Any, event: Any) -> dict[str, object]:
    call = event.body
    return {"greeting": "hello " + call["name"], "next": call["n"] + 1}
