"""The limit: an ASGI callable that does the work and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec


class Call(msgspec.Struct):
    name: str
    n: int


class Answer(msgspec.Struct):
    greeting: str
    next: int


decode = msgspec.json.Decoder(Call).decode
encode = msgspec.json.Encoder().encode


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("HTTP only")  # uvicorn asks once, at start, for a lifespan
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    call = decode(body)
    answer = encode(Answer("hello " + call.name, call.n + 1))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
