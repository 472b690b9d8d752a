"""The work as a FastAPI application."""

from fastapi import FastAPI
from pydantic import BaseModel


class Call(BaseModel):
    name: str
    n: int


app = FastAPI()


@app.post("/")
async def hello(call: Call) -> dict[str, object]:
    return {"greeting": "hello " + call.name, "next": call.n + 1}
