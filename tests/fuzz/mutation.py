"""Mutations of known inputs, as strategies of hypothesis: it repeats them by seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

# lengths, signs and ends of the machine's numbers; what text formats stumble on
_COMMON = (
    b"\0", b"\n", b"\r\n", b" ", b"\t", b"%", b"..", b"/", b"\\", b":", b"#", b"'", b'"', b"\xff", b"\xc3\x28",
    b"\xed\xa0\x80", b"\xe2\x80\xa8", "\u0661".encode(), "\u202e".encode(), b"0", b"-1", b"1e999", b"NaN", b"9" * 400,
    b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"[" * 3000, b"{" * 3000, b"a" * 5000,
)  # fmt: skip


@st.composite
def draw_mutated(draw: st.DrawFn, inputs: Sequence[bytes], tokens: Sequence[bytes] = ()) -> bytes:
    """One of the inputs with up to eight changes: bytes replaced, inserted, removed, repeated, or of another input."""
    data = draw(st.sampled_from(inputs))
    words = st.sampled_from((*tokens, *tokens, *_COMMON))
    for _ in range(draw(st.sampled_from((0, 1, 1, 2, 2, 3, 5, 8)))):
        low, high = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.integers(0, 6)):
            case 0:
                data = data[:low] + draw(words) + data[low:]
            case 1:
                data = data[:low] + draw(words) + data[high:]
            case 2:
                data = data[:low] + data[high:]
            case 3:
                data = data[:high] + data[low:high] * draw(st.integers(1, 20)) + data[high:]
            case 4:
                data = data[:low] + draw(st.binary(min_size=1, max_size=4)) + data[low + 1 :]
            case 5:
                data = data[:low]
            case _:
                other = draw(st.sampled_from(inputs))
                data = data[:low] + other[draw(st.integers(0, len(other))) :]
        if len(data) > 64 * 1024:
            break
    return data


def explore(strategy: st.SearchStrategy[Any], check: Callable[[Any], None], seconds: float, first: int) -> int:
    """Run `check` over values of a strategy until the time is up; the number of rounds.

    Each round is decided by its number alone, from `first` on, so a finding is repeated by the number that it names.
    """
    end, number = time.monotonic() + seconds, first
    while number == first or time.monotonic() < end:
        # no database, so that a round depends on its number alone; not shrunk, which takes minutes, as inputs are small
        rules = settings(
            max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False,
            phases=[Phase.generate], report_multiple_bugs=False,
        )  # fmt: skip
        try:
            seed(number)(rules(given(strategy)(check)))()
        except BaseException as error:
            if hasattr(error, "add_note"):  # Python 3.11
                error.add_note(f"found in round {number}; to repeat: FUZZ_SEED={number}")
            raise
        number += 1
    return number - first
