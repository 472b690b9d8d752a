"""Files of forms on a disk that is full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.disks import disk
from tests.service import Service

SOURCE = """
from starlette.datastructures import UploadFile

def handler(file: UploadFile) -> int:
    return file.size
"""


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB, for files that are sent."""
    with disk(tmp_path / "full", "2m") as folder:
        yield folder


def test_a_file_that_does_not_fit_is_no_fault_of_the_handler(serve: Callable[..., Service], full: Path) -> None:
    """The client may try again, the log names the folder, and smaller files are taken afterwards."""
    service = serve(SOURCE, TMPDIR=str(full))
    answer = service.post(files={"file": ("a.bin", b"x" * 5_000_000)})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "there is no room for the files of the form" in answer.json()["detail"]
    service.wait_log(f"a file of a form cannot be kept in {full}: No space left on device")
    assert service.post(files={"file": ("b.bin", b"x" * 1_500_000)}).json() == 1_500_000
    assert not [record for record in service.records if "raised" in record["message"]]
