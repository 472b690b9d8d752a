from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ovenbird_builder.errors import DiskFullError
from ovenbird_builder.host.disk import guard_cache_writes, guard_output_writes, is_disk_full


def _fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EISDIR])
def test_a_failed_write_names_the_cache(number: int) -> None:
    """The error has the folder, the reason of the system and a hint."""
    with pytest.raises(DiskFullError) as caught, guard_cache_writes(Path("/cache")):
        _fail(number)
    full = number in (errno.ENOSPC, errno.EDQUOT)
    message = f"cannot write to the cache '/cache': {os.strerror(number)}"
    assert caught.value.message == (message if full else f"{message} in '/'")
    assert "--cache-dir" in caught.value.hint
    assert ("free some space" in caught.value.hint) == full


def test_other_errors_pass_unchanged() -> None:
    """An internal error is not reported as a full disk."""
    with pytest.raises(OSError, match="Too many open files"), guard_cache_writes(Path("/cache")):
        _fail(errno.EMFILE)


def test_full_is_the_disk_or_the_quota() -> None:
    """A folder that may not be written has room all the same."""
    assert [is_disk_full(OSError(number, "")) for number in (errno.ENOSPC, errno.EDQUOT, errno.EACCES)] == [
        True, True, False,
    ]  # fmt: skip


def test_an_output_is_named_by_its_flag() -> None:
    """Any failure names the flag of the file, also for an invalid file name."""
    with pytest.raises(DiskFullError) as caught, guard_output_writes(Path("/none/a"), "--result-file"):
        Path("/none/a").write_bytes(b"")
    assert caught.value.message == "--result-file: cannot write '/none/a': No such file or directory"
    with pytest.raises(DiskFullError, match=r"^cannot write .* NUL character$"), guard_output_writes(Path("a\0b")):
        Path("a\0b").write_bytes(b"")
