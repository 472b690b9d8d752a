"""Labels and annotations of the user's own."""

from __future__ import annotations

import pytest

from ovenbird_builder.errors import BuildRequestError
from ovenbird_builder.oci.label_names import parse_pairs


def test_names_and_values_are_split_at_the_first_equals_sign() -> None:
    """A value may hold anything, and nothing; of one name the last one counts; OCI's names may be set."""
    texts = ("team=data", "a.b/c-d=x=y z", "empty=", "team=ml", "org.opencontainers.image.source=https://x/y")
    assert parse_pairs("--label", texts) == {
        "team": "ml", "a.b/c-d": "x=y z", "empty": "", "org.opencontainers.image.source": "https://x/y",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("team", "expected `NAME=VALUE`, found 'team'"),
        ("=x", "expected `NAME=VALUE`"),
        ("a b=x", "expected `NAME=VALUE`"),
        ("a=\0", "NUL"),
        ("dev.ovenbird.base.layers=9", "is set by the build itself"),
        ("org.opencontainers.image.base.name=x", "is set by the build itself"),
    ],
    ids=["no value", "no name", "blank", "nul", "ours", "base"],
)
def test_invalid_labels_are_refused(text: str, why: str) -> None:
    """Labels that rebase and inspect rely on cannot be set."""
    with pytest.raises(BuildRequestError, match=why):
        parse_pairs("--annotation", (text,))
