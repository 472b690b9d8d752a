"""Handlers that go wrong, in every way there is, by name."""

import asyncio
import contextlib
import threading
import time
from pathlib import Path


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class Root(BaseException):
    pass


def _raise(error):
    raise error


def _for_ever():
    return _for_ever()


def _leak():
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return "leaked"


def _chain():
    try:
        raise KeyError("secret-cause")
    except KeyError as error:
        raise ValueError("secret-value") from error


CASES = {
    "exception": _chain,
    "system_exit": lambda: _raise(SystemExit(3)),
    "keyboard": lambda: _raise(KeyboardInterrupt()),
    "stop_iteration": lambda: _raise(StopIteration("secret")),
    "cancelled": lambda: _raise(asyncio.CancelledError()),
    "root": lambda: _raise(Root("secret")),
    "unprintable": lambda: _raise(Unprintable()),
    "recursion": _for_ever,
    "memory": lambda: _raise(MemoryError()),
    "generator_exit": lambda: _raise(GeneratorExit()),
    "thread": _leak,
    "fine": lambda: "fine",
}


def note(text):
    with Path("notes.txt").open("a") as file:
        file.write(text + "\n")


def handler(name: str):
    if name == "spin":
        with contextlib.ExitStack() as stack:
            stack.callback(note, "spin ended")
            while True:
                pass
    if name == "sleep":
        time.sleep(4)
        return "slept"
    if name == "stubborn":
        for _ in range(2):
            with contextlib.suppress(BaseException):
                while True:
                    pass
        return "never seen"
    if name == "coroutine":
        return later("wait")
    return CASES[name]()


async def later(name: str):
    if name == "spin":
        try:
            while True:
                pass
        finally:
            note("spin ended")
    if name == "sleep":
        time.sleep(30)  # noqa: ASYNC251 (the fault)
    if name == "child":
        await asyncio.gather(later("spin"))
    if name == "wait":
        try:
            await asyncio.sleep(3600)
        finally:
            note("wait ended")
    if name == "stubborn":
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
        return "never seen"
    return CASES[name]()
