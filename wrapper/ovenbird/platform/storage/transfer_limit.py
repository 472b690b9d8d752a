"""The limit of what is fetched over a network."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ...common.text import show_value
from ...common.units import parse_size, show_size
from ...errors import InputError
from .file_copy import Progress


class TransferLimit:
    """How many more bytes may be fetched over a network, and the setting for it. Local copies do not count."""

    def __init__(self, size: int, setting: str) -> None:
        self.size = self.left = size
        self.setting = setting

    @classmethod
    def for_inputs(cls, environ: Mapping[str, str]) -> TransferLimit:
        """Return the limit of the inputs that one entity or URL brings. Errors: InputError for a malformed value."""
        from ...settings import MAX_INPUT

        text = environ.get("OVENBIRD_MAX_INPUT") or str(MAX_INPUT)
        try:
            size = parse_size(text)
        except ValueError as error:
            raise InputError(f"OVENBIRD_MAX_INPUT: expected {error}, found {show_value(text)}") from None
        return cls(size or sys.maxsize, "`--max-input` or `OVENBIRD_MAX_INPUT` raises the limit")

    def count_with(self, label: str, moved: Progress | None) -> Progress:
        """Return a callback that counts bytes as they come, and then calls `moved`. InputError ends what is too large.

        A transfer that begins again counts again, so the limit is one of what is received.
        """

        def count(size: int) -> None:
            self.left -= size
            if self.left < 0:
                raise InputError(f"{label}: is larger than {show_size(self.size)}", hint=self.setting)
            if moved:
                moved(size)

        return count
