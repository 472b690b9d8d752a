"""The hash of a source that bytecode holds (PEP 552), for any Python: versions before 3.11 have another function."""

from __future__ import annotations

import _imp
import importlib.util

_MASK = 0xFFFFFFFFFFFFFFFF
_SIPHASH13 = 3450  # the first magic number of 3.11, which took SipHash-1-3 in place of SipHash-2-4


def hash_source(data: bytes, magic: bytes) -> bytes:
    """Return the 8 bytes that a Python whose magic number is `magic` (4 bytes) writes for a source.

    Where this Python has the same function it is quick, else about a second for each MiB.
    """
    key = int.from_bytes(magic, "little")
    if _choose_rounds(magic) == _choose_rounds(importlib.util.MAGIC_NUMBER):
        return _imp.source_hash(key, data)
    return _compute_siphash(key, data, *_choose_rounds(magic)).to_bytes(8, "little")


def _choose_rounds(magic: bytes) -> tuple[int, int]:
    """Return the rounds for each word and those at the end."""
    return (1, 3) if int.from_bytes(magic[:2], "little") >= _SIPHASH13 else (2, 4)


def _compute_siphash(key: int, data: bytes, each: int, last: int) -> int:
    """Return SipHash of `data` under the key (`key`, 0), as CPython has it."""
    state = (key ^ 0x736F6D6570736575, 0x646F72616E646F6D, key ^ 0x6C7967656E657261, 0x7465646279746573)
    end = len(data) & ~7
    words = [int.from_bytes(data[start : start + 8], "little") for start in range(0, end, 8)]
    words.append((len(data) & 0xFF) << 56 | int.from_bytes(data[end:], "little"))
    for word in words:
        a, b, c, d = state
        a, b, c, d = _mix(a, b, c, d ^ word, each)
        state = (a ^ word, b, c, d)
    a, b, c, d = _mix(state[0], state[1], state[2] ^ 0xFF, state[3], last)
    return a ^ b ^ c ^ d


def _mix(a: int, b: int, c: int, d: int, rounds: int) -> tuple[int, int, int, int]:
    for _ in range(rounds):
        a = (a + b) & _MASK
        b = (b << 13 & _MASK | b >> 51) ^ a
        a = a << 32 & _MASK | a >> 32
        c = (c + d) & _MASK
        d = (d << 16 & _MASK | d >> 48) ^ c
        a = (a + d) & _MASK
        d = (d << 21 & _MASK | d >> 43) ^ a
        c = (c + b) & _MASK
        b = (b << 17 & _MASK | b >> 47) ^ c
        c = c << 32 & _MASK | c >> 32
    return a, b, c, d
