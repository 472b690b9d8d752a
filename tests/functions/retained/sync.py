import time

from census import BIG, census


async def later(size):
    return size


def handler(event):
    kind = event.path.strip("/")
    body = event.body
    if kind == "census":
        return census()
    if kind == "error":
        raise ValueError("no")
    if kind == "chained":
        try:
            raise ValueError("inner")
        except ValueError as error:
            raise RuntimeError("outer") from error
    if kind == "stop":
        raise StopIteration
    if kind == "unknown":
        return object()
    if kind == "answer":
        return bytes(BIG)
    if kind == "coroutine":
        return later(len(body))
    if kind == "stream":
        return (bytes(BIG // 40) for _ in range(40))
    if kind == "broken":
        return broken(body)
    if kind == "slow":
        while True:
            time.sleep(0.01)
    return len(body)


def broken(body):
    yield body[:100_000]
    raise ValueError("half way")
