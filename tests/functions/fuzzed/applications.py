"""Applications that say what they have read: ASGI and WSGI."""

from __future__ import annotations

from flask import Flask, jsonify
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


async def _asgi(request: Request) -> Response:
    return JSONResponse({"method": request.method, "size": len(await request.body())})


asgi = Starlette()
asgi.add_route("/{path:path}", _asgi, methods=_METHODS)

wsgi = Flask(__name__)


@wsgi.route("/", defaults={"path": ""}, methods=_METHODS)
@wsgi.route("/<path:path>", methods=_METHODS)
def _wsgi(path: str) -> object:
    return jsonify(method=flask_request.method, size=len(flask_request.get_data()))
