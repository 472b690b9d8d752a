"""Streams of every kind, by name; each notes its own end."""

import asyncio
import time
from pathlib import Path


def note(text):
    with Path("notes.txt").open("a") as file:
        file.write(text + "\n")


def _items(name):
    try:
        if name == "numbers":
            yield from ({"n": 1}, {"n": 2})
        elif name == "text":
            yield from ("a", "b")
        elif name == "bytes":
            yield from (b"a", bytearray(b"b"), memoryview(b"c"))
        elif name == "nothing":
            return
        elif name == "lines":
            yield from ("two\nlines", {"n": 1}, b"bytes", "")
        elif name == "half":
            yield "half"
            raise RuntimeError("secret-half")
        elif name == "first":
            raise RuntimeError("secret-first")
        elif name == "unknown":
            yield 1
            yield object()
        elif name == "slow":
            yield "one"
            time.sleep(0.5)
            yield "two"
        elif name == "big":
            for _ in range(64):
                yield b"x" * 1024**2
        elif name == "endless":
            while True:
                yield b"x" * 10_000
        elif name == "waiting":
            yield "one"
            while True:
                time.sleep(0.02)
        elif name == "stop":
            yield "one"
            raise StopIteration
        elif name == "exit":
            yield "one"
            raise SystemExit(1)
    finally:
        note(f"{name} ended")


async def _aitems(name):
    try:
        if name == "waiting":
            yield "one"
            await asyncio.sleep(3600)
        elif name == "slow":
            yield "one"
            await asyncio.sleep(0.5)
            yield "two"
        elif name == "endless":
            while True:
                yield b"x" * 10_000
        else:
            for item in _items(name):
                yield item
    finally:
        note(f"{name} ended")


def generator(name: str):
    yield from _items(name)


async def async_generator(name: str):
    async for item in _aitems(name):
        yield item


def returned(name: str):
    return _items(name)


async def async_returned(name: str):
    return _items(name)


def returned_async(name: str):
    return _aitems(name)


def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def starlette(name: str):
    from starlette.responses import StreamingResponse

    return StreamingResponse(_aitems(name))
