"""Handlers that note that they ran, count themselves, and take their time."""

import asyncio
import threading
import time
from pathlib import Path

_lock = threading.Lock()
_now = 0
_most = 0


def note(text):
    with _lock, Path("notes.txt").open("a") as file:
        file.write(text + "\n")


def _count(step):
    global _now, _most
    with _lock:
        _now += step
        _most = max(_most, _now)


def handler(name: str, seconds: float = 0.0, quiet: bool = False):
    if name == "most":
        return _most
    _count(1)
    try:
        if not quiet:
            note(name)
        if seconds:
            time.sleep(seconds)
    finally:
        _count(-1)
    return name


async def later(name: str, seconds: float = 0.0, quiet: bool = False):
    if name == "most":
        return _most
    _count(1)
    try:
        if not quiet:
            note(name)
        if seconds:
            await asyncio.sleep(seconds)
    finally:
        _count(-1)
    return name


def streaming(name: str):
    yield name
    yield name


async def streaming_async(name: str):
    yield name
    yield name
