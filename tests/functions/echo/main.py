"""One answer in four shapes of handler: what the server has read of a request."""

import asyncio
import json
import time
from urllib.parse import parse_qs


def read(method, path, body, headers):
    return {"method": method, "path": path, "body": body.decode("latin-1"), "headers": headers}


def handler(event):
    if "seconds" in event.fields:
        time.sleep(float(event.fields["seconds"]))
    body = event.body if isinstance(event.body, bytes) else json.dumps(event.body).encode()
    return read(event.method, event.path, body, dict(event.headers))


async def later(event):
    if "seconds" in event.fields:
        await asyncio.sleep(float(event.fields["seconds"]))
    body = event.body if isinstance(event.body, bytes) else json.dumps(event.body).encode()
    return read(event.method, event.path, body, dict(event.headers))


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})
        await send({"type": "websocket.close"})
    else:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body")
        query = parse_qs(scope["query_string"].decode())
        if "seconds" in query:
            await asyncio.sleep(float(query["seconds"][0]))
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        answer = json.dumps(read(scope["method"], scope["path"], body, headers)).encode()
        response_headers = [(b"content-type", b"application/json")]
        if "length" not in query:
            response_headers.append((b"content-length", b"%d" % len(answer)))
        await send({"type": "http.response.start", "status": 200, "headers": response_headers})
        await send({"type": "http.response.body", "body": answer})


def wsgi(environ, start_response):
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "seconds" in query:
        time.sleep(float(query["seconds"][0]))
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else environ["wsgi.input"].read()
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    answer = json.dumps(read(environ["REQUEST_METHOD"], environ["PATH_INFO"], body, headers)).encode()
    response_headers = [("content-type", "application/json")]
    if "length" not in query:
        response_headers.append(("content-length", str(len(answer))))
    start_response("200 OK", response_headers)
    return [answer]
