"""The work as a sync handler with typed arguments."""


def handler(name: str, n: int) -> dict[str, object]:
    return {"greeting": "hello " + name, "next": n + 1}
