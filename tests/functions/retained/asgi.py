import asyncio

from census import BIG, census, disable_collector
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

disable_collector()


async def answer(request):
    kind = request.path_params["kind"]
    if kind == "census":
        return JSONResponse(census())
    body = await request.body()
    if kind == "error":
        raise ValueError("no")
    if kind == "answer":
        return Response(bytes(BIG))
    if kind == "stream":
        return StreamingResponse(parts())
    if kind == "slow":
        await asyncio.sleep(60)
    return PlainTextResponse(str(len(body)))


async def parts():
    for _ in range(40):
        yield bytes(BIG // 40)


handler = Starlette(routes=[Route("/{kind:path}", answer, methods=["GET", "POST"])])
