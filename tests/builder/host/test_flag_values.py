from __future__ import annotations

import pytest

from ovenbird.common.units import parse_duration
from ovenbird_builder.errors import BuildRequestError, InstructionError
from ovenbird_builder.host.flag_values import parse_flag


def test_a_valid_value_is_returned() -> None:
    """The parser's result, whatever its type is."""
    assert parse_flag(parse_duration, "2m", "--timeout") == 120.0


def test_an_invalid_value_is_reported_with_flag_and_form() -> None:
    """The message is the same for every flag; the error is that of the phase."""
    with pytest.raises(BuildRequestError) as caught:
        parse_flag(parse_duration, "soon", "--timeout", hint="for example 30s")
    assert caught.value.message == "--timeout: expected a duration such as 1.5, 500ms, 30s or 2m, found 'soon'"
    assert caught.value.hint == "for example 30s"
    with pytest.raises(InstructionError, match=r"^instructions\[0\]\.timeout: expected"):
        parse_flag(parse_duration, "", "instructions[0].timeout", error=InstructionError)
