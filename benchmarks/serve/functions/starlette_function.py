"""The work for functions-framework --asgi: a Starlette request comes in, a dict goes out."""

from starlette.requests import Request


async def hello(request: Request) -> dict[str, object]:
    call = await request.json()
    return {"greeting": "hello " + call["name"], "next": call["n"] + 1}
