"""For any input a parser returns a value or raises an `OvenbirdError`, in bounded time and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz import corpus
from tests.fuzz.mutation import draw_mutated, explore
from tests.fuzz.parser import examine, limit_memory
from tests.fuzz.parsers import PARSERS

_SECONDS = 8 / len(PARSERS)  # for each parser, whose first round is always made whole
_SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_returns_a_value_or_raises_an_error_of_ours(name: str, tmp_path: Path) -> None:
    """Inputs of the corpus, then mutations of them, end in nothing but a value or an OvenbirdError."""
    parser, inputs = PARSERS[name], corpus.read_seeds(name)
    last = b""

    def check(data: bytes) -> None:
        nonlocal last
        last = data
        examine(parser, data, tmp_path)

    try:
        with limit_memory():
            for data in inputs:
                check(data)
            explore(draw_mutated(inputs, parser.tokens), check, _SECONDS, _SEED)
    except Exception:
        print(f"kept as {corpus.save_failed(name, last)}")
        raise
