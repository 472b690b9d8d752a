"""The text of a lock: the same pins give the same text, and it reads back as what it was."""

from __future__ import annotations

import pytest
from msgspec import structs

from ovenbird_builder.errors import LockError
from ovenbird_builder.locking.lock_format import SELF, LockHeader, Pin, make_lock, parse_lock

_A, _B = ("sha256:" + letter * 64 for letter in "ab")
_PINS = (
    Pin("plum", "1.5", (_B, _A), "git+https://h.example/plum@c0ffee#subdirectory=lib", (SELF,), "hatchling==1"),
    Pin("apple", "2.0", (_A,), "", ("plum", SELF)),
)  # fmt: skip
_HEAD = LockHeader(
    "3.12", "linux/amd64", "glibc 2.36", "uv 1", "sha256:x", ("apple>=1", "plum @ git+https://h"), ("apple<3",)
)


def test_a_lock_reads_back() -> None:
    """Pins, head and digest survive; so does what stands in comments."""
    first = make_lock(_PINS, _HEAD)
    again = parse_lock(first.text, "function.lock")
    assert again.head == _HEAD
    assert again.digest == first.digest
    assert make_lock(again.pins, again.head).text == first.text


def test_order_does_not_count_and_comments_are_not_digested() -> None:
    """Pins and hashes in any order, another locker: one digest. Another origin: another."""
    first = make_lock(_PINS, _HEAD)
    assert make_lock(_PINS[::-1], _HEAD).text == first.text
    assert make_lock(_PINS, LockHeader()).digest == first.digest
    moved = structs.replace(_PINS[0], url="file:lib")
    assert make_lock((moved, _PINS[1]), _HEAD).digest != first.digest


def test_a_lock_of_pip_compile_or_uv_is_read_too() -> None:
    """A handwritten file has no header, and its lines are pins."""
    lock = parse_lock(f"apple==1.0 \\\n    --hash={_A} \\\n    --hash={_B}\n    # via -r x.in\n", "function.lock")
    assert [(pin.name, pin.version, pin.hashes) for pin in lock.pins] == [("apple", "1.0", (_A, _B))]
    assert lock.head == LockHeader()


@pytest.mark.parametrize("line", ["apple>=1", "apple==1.0", "-e .", "--index-url https://x", "a @ https://x"])
def test_a_line_without_pin_and_hash_is_refused(line: str) -> None:
    """A lock holds pins with hashes and nothing else."""
    with pytest.raises(LockError, match=r"function.lock, entry 2 .*expected `NAME==VERSION` with `--hash"):
        parse_lock(f"pear==1 --hash={_A}\n{line}\n", "function.lock")
