"""The work as a Starlette application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def hello(request: Request) -> JSONResponse:
    call = await request.json()
    return JSONResponse({"greeting": "hello " + call["name"], "next": call["n"] + 1})


app = Starlette(routes=[Route("/", hello, methods=["POST"])])
