"""Descriptors that are ready, whatever their numbers."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import resource
from collections.abc import Iterator

import pytest

from ovenbird.common.ready_descriptors import find_ready


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    """Allow this process numbers from 1024 up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
def test_a_descriptor_of_any_number() -> None:
    """A pipe is ready when it can be written, when it can be read, and when it has ended."""
    with contextlib.ExitStack() as stack:
        reader, writer = os.pipe()
        stack.callback(os.close, reader)
        end = stack.enter_context(io.FileIO(writer, "w"))
        high = fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, 1100)
        stack.callback(os.close, high)
        assert find_ready([high], 0, [writer]) == [writer]
        end.write(b"x")
        assert find_ready([high], 10) == [high]
        os.read(high, 1)
        assert find_ready([high], 0) == []
        end.close()
        assert find_ready([high], 10) == [high]
