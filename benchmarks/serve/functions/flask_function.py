"""The work for functions-framework: a Flask request comes in, a dict goes out."""

from typing import Any


def hello(request: Any) -> dict[str, object]:
    call = request.get_json()
    return {"greeting": "hello " + call["name"], "next": call["n"] + 1}
