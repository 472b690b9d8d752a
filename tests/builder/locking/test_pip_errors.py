"""pip's output becomes an error in terms of the user's requirements."""

from __future__ import annotations

import pytest

from ovenbird_builder.errors import (
    ConflictError,
    HashError,
    LockError,
    NoWheelError,
    PackageIndexError,
    RequirementMissingError,
)
from ovenbird_builder.locking.pip_errors import ResolutionRequest, list_causes, translate_pip_error
from ovenbird_builder.locking.requirement_line import RequirementLine

REQUEST = ResolutionRequest(
    requirements=(
        RequirementLine("fastapi==0.100", "requirements.txt line 3", "fastapi"),
        RequirementLine("plum>=2", "function.yaml", "plum"),
    ),
    limits=(RequirementLine("starlette>=1.3.1", "the runtime", "starlette"),),
    target="Python 3.12 on linux/amd64",
    indexes=("https://index.example/simple",),
)
CONFLICT = """
pip._vendor.resolvelib.resolvers.RequirementsConflicted: Requirements conflict:
[RequirementInformation(requirement=SpecifierRequirement('starlette<0.28,>=0.27'), \
parent=LinkCandidate('https://index.example/f/fastapi-0.100.0-py3-none-any.whl (from https://x)')), \
RequirementInformation(requirement=SpecifierRequirement('starlette>=1.3.1'), parent=None)]
ERROR: Cannot install fastapi==0.100 because these package versions have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io
"""
ROWS = [
    (CONFLICT, ConflictError, ["no version of starlette fits", "fastapi 0.100.0 needs starlette<0.28,>=0.27",
                               "starlette>=1.3.1 is what the runtime needs"]),
    ("ERROR: Could not find a version that satisfies the requirement plum>=2 (from versions: none)",
     RequirementMissingError, ["the index has no 'plum>=2' (asked for in function.yaml)"]),
    ("ERROR: Could not find a version that satisfies the requirement plum>=2 (from versions: 0.1, 1.0)",
     RequirementMissingError, ["no version that fits 'plum>=2' (asked for in function.yaml): it has 0.1, 1.0"]),
    ("Skipping link: none of the wheel's tags are compatible: https://index.example/f/plum-2.0-cp311-cp311-win32.whl\n"
     "ERROR: Could not find a version that satisfies the requirement plum>=2 (from versions: 1.0)",
     NoWheelError, ["no file of 'plum>=2' fits Python 3.12 on linux/amd64", "plum-2.0-cp311-cp311-win32.whl"]),
    ("ERROR: Package 'plum' requires a different Python: 3.12.1 not in '<3.10'",
     RequirementMissingError, ["'plum' is for Python <3.10, the target is Python 3.12 on linux/amd64"]),
    ("ERROR: HTTP error 401 while getting https://user:word@index.example/simple/plum/",
     PackageIndexError, ["asks for credentials"]),
    ("WARNING: Retrying after connection broken by 'NewConnectionError(...): Connection refused'",
     PackageIndexError, ["does not answer (https://index.example/simple)"]),
    ("OSError: Tunnel connection failed: 407 Proxy Authentication Required",
     PackageIndexError, ["the proxy on the way to a package index"]),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
     f"    plum from https://index.example/f/plum-2.0.tar.gz:\n        Expected sha256 {'a' * 64}\n"
     f"             Got        {'b' * 64}",
     HashError, ["plum: the file of the index is not the one that was locked", f"got sha256:{'b' * 64}"]),
    ("a line\nthe last line\n", LockError, ["locking failed: the last line"]),
    ("", LockError, ["locking failed: nothing was said"]),
]  # fmt: skip
IDS = [
    "conflict",
    "no name",
    "no version",
    "no wheel",
    "other Python",
    "login",
    "no answer",
    "proxy",
    "hash",
    "other",
    "nothing",
]


@pytest.mark.parametrize(("output", "kind", "texts"), ROWS, ids=IDS)
def test_each_refusal_has_its_own_error(output: str, kind: type[LockError], texts: list[str]) -> None:
    """The requirement, the requirer and the versions of the index; one kind of error for each cause."""
    error = translate_pip_error(output, REQUEST)
    assert type(error) is kind
    for text in texts:
        assert text in str(error)


def test_no_password_of_an_index_is_shown() -> None:
    """A URL that pip prints with a login is quoted without it."""
    error = translate_pip_error("ERROR: HTTP error 403 while getting https://user:word@index.example/x", REQUEST)
    assert "word@" not in f"{error}{error.hint}"


def test_a_file_name_that_looks_like_a_failure_is_ignored() -> None:
    """Progress (`Downloading connectionerror-403...`) and a 404 are not the cause."""
    output = (
        "Downloading https://index.example/ConnectionError-403.whl\n"
        "WARNING: 404 Client Error: Not Found for url: https://index.example/simple/ProxyError/\n"
        "ERROR: Could not find a version that satisfies the requirement plum>=2 (from versions: none)"
    )
    assert type(translate_pip_error(output, REQUEST)) is RequirementMissingError


def test_the_causes_of_a_conflict_are_listed_once() -> None:
    """Those that name versions."""
    assert list_causes(CONFLICT * 2) == ["starlette<0.28,>=0.27", "starlette>=1.3.1"]
