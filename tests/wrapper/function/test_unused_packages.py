"""Which distributions were not imported: direct ones, what they bring along, and what else others need."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ovenbird.function.unused_packages import UnusedPackage, find_unused_packages
from ovenbird.function.wanted_packages import WantedPackages


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on `sys.path`: `web` needs `http` and `shared`, `data` needs `shared` and `zones`."""
    _install(tmp_path, "web", ("http (>=1)", "shared"), size=100, scripts="[console_scripts]\nweb = web:main\n")
    _install(tmp_path, "http", ("codec; python_version > '3'",), size=20)
    _install(tmp_path, "codec", (), size=3)
    _install(tmp_path, "data", ("shared", "zones", "plots; extra == 'all'"), size=500)
    _install(tmp_path, "shared", (), size=7)
    _install(tmp_path, "zones", (), size=9, file="zones/table.bin")
    _install(tmp_path, "plots", (), size=11, scripts="[data.backends]\nplots = plots\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def _install(
    folder: Path, name: str, needs: tuple[str, ...], *, size: int, file: str = "", scripts: str = ""
) -> None:  # fmt: skip
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {need}\n" for need in needs)
    )
    (info / "RECORD").write_text(f"{file or name + '/__init__.py'},sha256=x,{size}\n")
    if scripts:
        (info / "entry_points.txt").write_text(scripts)


def _lock(*names: str, direct: tuple[str, ...]) -> WantedPackages:
    return WantedPackages("function.lock", dict.fromkeys(names, "1.0"), frozenset(direct), is_locked=True)


@pytest.mark.usefixtures("installed")
def test_what_a_direct_one_alone_needs_goes_with_it() -> None:
    """What a distribution that is imported needs too does not, nor does what is imported itself."""
    wanted = _lock("web", "http", "codec", "data", "shared", "zones", direct=("web", "data"))
    assert find_unused_packages(wanted, {"data"}) == [
        UnusedPackage("web", "1.0", 123, is_direct=True, brings=("codec", "http"), note="has commands"),
        UnusedPackage("zones", "1.0", 9, is_direct=False, brings=(), note="has no modules"),
        UnusedPackage("shared", "1.0", 7, is_direct=False, brings=(), note=""),
    ]
    assert find_unused_packages(wanted, {"web", "data", "http", "codec", "shared", "zones"}) == []


@pytest.mark.usefixtures("installed")
def test_direct_ones_are_found_where_a_lock_does_not_say() -> None:
    """Those that no other one of the lock needs; those of an extra count as needed."""
    unused = find_unused_packages(_lock("data", "shared", "plots", direct=()), {"shared"})
    assert [(package.name, package.is_direct, package.brings) for package in unused] == [("data", True, ("plots",))]


@pytest.mark.usefixtures("installed")
def test_without_a_lock_what_is_installed_counts() -> None:
    """The needs of the direct ones, and not those of extras that nobody asks for."""
    wanted = WantedPackages("requirements.txt", {"data": "", "absent": ""}, frozenset({"data", "absent"}), False)
    unused = find_unused_packages(wanted, set())
    assert [(package.name, package.brings, package.note) for package in unused] == [
        ("data", ("shared", "zones"), ""), ("absent", (), "not installed here"),
    ]  # fmt: skip


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_told() -> None:
    """An entry point of another kind than a command may be how a distribution is used."""
    (package,) = find_unused_packages(_lock("plots", direct=("plots",)), set())
    assert package.note == "is a plugin"


def test_damaged_installations_are_no_error(installed: Path) -> None:
    """A distribution without metadata or with a list of files that is none."""
    (installed / "web-1.0.dist-info" / "METADATA").unlink()
    (installed / "data-1.0.dist-info" / "RECORD").write_text("\x00,,\n")
    unused = find_unused_packages(_lock("web", "data", direct=("web", "data")), set())
    assert {package.name: package.note for package in unused}["web"] == "not installed here"
