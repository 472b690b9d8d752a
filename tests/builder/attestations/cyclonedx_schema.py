"""The strict validator of the CycloneDX library, which is imported when it is first used: that takes seconds."""

from __future__ import annotations

from typing import Any


def find_fault(document: str) -> Any:
    """Return the first fault of a bill of materials; None when it is valid CycloneDX 1.6."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)
