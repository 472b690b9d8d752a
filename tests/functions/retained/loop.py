import asyncio
import contextvars

from census import BIG, census

context_value = contextvars.ContextVar("kept")


async def handler(event):
    kind = event.path.strip("/")
    body = event.body
    if kind == "census":
        return census()
    context_value.set(body)
    if kind == "error":
        raise ValueError("no")
    if kind == "answer":
        return bytes(BIG)
    if kind == "stream":
        return parts()
    if kind == "generator":
        return (bytes(BIG // 40) for _ in range(40))
    if kind == "broken":
        return broken(body)
    if kind == "slow":
        await asyncio.sleep(60)
    return len(body)


async def parts():
    for _ in range(40):
        yield bytes(BIG // 40)


async def broken(body):
    yield body[:100_000]
    raise ValueError("half way")
