"""Metadata that is read from a wheel, and the graph of requirements."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builder.attestations.wheelhouse import wheel

from ovenbird_builder.attestations.image_packages import ImagePackage, build_graph, read_package
from ovenbird_builder.errors import HashError

HERE = {"python_version": "3.12", "python_full_version": "3.12.1", "sys_platform": "linux"}


@pytest.mark.parametrize(
    ("headers", "licenses"),
    [
        (("License-Expression: MIT OR Apache-2.0", "License: old text"), ("MIT OR Apache-2.0",)),
        (("License: BSD-3-Clause",), ("BSD-3-Clause",)),
        (("License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"), ("MIT License",)),
        ((f"License: {'long ' * 40}",), ()),
        ((), ()),
    ],
)
def test_the_license_is_the_clearest_of_those_declared(
    tmp_path: Path, headers: tuple[str, ...], licenses: object
) -> None:
    """An expression beats a name, a name beats classifiers, and the text of a license is no name."""
    assert wheel(tmp_path, "thing", "1.0", *headers).licenses == licenses


def test_names_are_normalised_and_local_versions_quoted(tmp_path: Path) -> None:
    """The package URL is what other tools look for."""
    package = wheel(tmp_path, "Some.Thing", "1.0+cu118", "Summary: Does it")
    assert (package.name, package.purl, package.summary) == ("some-thing", "pkg:pypi/some-thing@1.0%2Bcu118", "Does it")


def test_a_file_that_is_no_wheel_is_reported(tmp_path: Path) -> None:
    """The name of the file stands in the error."""
    (tmp_path / "x.whl").write_bytes(b"no zip")
    with pytest.raises(HashError, match=r"x\.whl"):
        read_package(tmp_path / "x.whl", sha256="0")


def test_an_edge_follows_markers_and_extras() -> None:
    """Only requirements of the target count, and extras only if required, in whatever order they are met."""

    def make_package(name: str, *requires: str) -> ImagePackage:
        return ImagePackage(name, "1", "0", requires=requires)

    edges = build_graph(
        [
            make_package("app", "web[fast]>=1", "old; python_version < '3'", "win; sys_platform == 'win32'"),
            make_package("web", "loop; extra == 'fast'", "docs; extra == 'docs'", "Base_Lib"),
            make_package("loop"), make_package("docs"), make_package("base-lib"), make_package("old"),
            make_package("win"),
        ],
        ["app>=1", "./local/path", "docs @ https://example.org/docs.zip"],
        HERE,
    )  # fmt: skip
    assert edges["app"] == ("web",)
    assert edges["web"] == ("base-lib", "loop")
    assert edges[""] == ("app", "docs", "old", "win")


def test_extras_that_need_each_other_end() -> None:
    """A cycle of extras is walked once."""
    pair = [
        ImagePackage("a", "1", "0", requires=("b[x]",)),
        ImagePackage("b", "1", "0", requires=("a[y]; extra == 'x'",)),
    ]
    assert build_graph(pair, ["a"], HERE) == {"": ("a",), "a": ("b",), "b": ("a",)}
