"""The work as an async handler with typed arguments."""


async def handler(name: str, n: int) -> dict[str, object]:
    return {"greeting": "hello " + name, "next": n + 1}
