"""Handlers that note that they ran, count themselves, and take their time."""

import asyncio
import threading
import time
from pathlib import Path

_lock = threading.Lock()
_count = {"now": 0, "most": 0}


def note(text):
    with _lock, Path("notes.txt").open("a") as file:
        file.write(text + "\n")


def _running(step):
    with _lock:
        _count["now"] += step
        _count["most"] = max(_count.values())


def handler(name: str, seconds: float = 0.0, quiet: bool = False):
    if name == "most":
        return _count["most"]
    _running(1)
    try:
        if not quiet:
            note(name)
        if seconds:
            time.sleep(seconds)
    finally:
        _running(-1)
    return name


async def later(name: str, seconds: float = 0.0, quiet: bool = False):
    if name == "most":
        return _count["most"]
    _running(1)
    try:
        if not quiet:
            note(name)
        if seconds:
            await asyncio.sleep(seconds)
    finally:
        _running(-1)
    return name


def streaming(name: str):
    yield name
    yield name


async def streaming_async(name: str):
    yield name
    yield name
