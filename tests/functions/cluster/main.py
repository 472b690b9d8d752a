"""What the tests on a cluster call: ordinary calls, and what has brought pods down."""

import ctypes
import multiprocessing
import os
import time


def square(n):
    return n * n


def handler(do: str = "", seconds: float = 0, data: str = "", n: int = 0):
    if do == "hold":
        ctypes.PyDLL(None).sleep(int(seconds))  # C code that keeps the interpreter's lock
    if do == "spawn":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            return pool.map(square, range(4))
    if do == "count":
        for number in range(n):
            print(f"line {number}", flush=True)
            time.sleep(seconds)
        return n
    if do == "swell":
        return len(bytearray(n * 2**20).replace(b"\0", b"1"))
    if do == "fail":
        raise ValueError("no such thing")
    time.sleep(seconds)
    return {"pod": os.uname().nodename, "pid": os.getpid(), "size": len(data), "n": n}
