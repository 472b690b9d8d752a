"""A FastAPI application with a lifespan, a slow path, a failing one and a WebSocket."""

import asyncio
import logging
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket


@asynccontextmanager
async def lifespan(app):
    yield {"model": "loaded"}
    logging.getLogger("app").info("lifespan ended")


app = FastAPI(lifespan=lifespan)


@app.get("/items/{item}")
async def items(item: int, request: Request):
    return {"item": item, "model": request.state.model}


@app.post("/echo")
async def echo(request: Request):
    return {"size": len(await request.body())}


@app.get("/fail")
async def fail():
    raise RuntimeError("secret-asgi")


@app.get("/slow")
async def slow():
    await asyncio.sleep(30)


@app.websocket("/socket")
async def socket(websocket: WebSocket):
    await websocket.accept()
    text = await websocket.receive_text()
    await websocket.send_text(f"{text} {websocket.state.model}")
    await websocket.close()
