"""The work for func-python: the ASGI function and the main that its scaffolding generates."""

from __future__ import annotations

import json
from typing import Any

from func_python.http import serve


async def handle(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    call = json.loads(body)
    answer = json.dumps({"greeting": "hello " + call["name"], "next": call["n"] + 1}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    serve(handle)
