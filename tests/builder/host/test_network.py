"""A site's certificate authority and its proxy, for all that is fetched to lock and to build, by both lockers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.orchard import PASSWORD, Bench
from tests.walled import GATE_PASSWORD, GATE_WRITTEN, Gate, Walled

from ovenbird_builder.errors import PackageIndexError
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.locking.lock_format import Lock
from ovenbird_builder.locking.wheel_fetch import fetch_wheels
from ovenbird_builder.locking.wheelhouse import Wheel

HIDDEN = (GATE_PASSWORD, GATE_WRITTEN, PASSWORD, "Plum%26Pear%2377")
LOCKERS = {"pip-tools": ("apple", "grafted"), "uv": ("apple",)}  # uv takes wheels alone
lockers = pytest.mark.parametrize("locker", LOCKERS)


@pytest.fixture
def walled_bench(bench: Bench, walled: Walled, tmp_path: Path) -> Bench:
    """The bench at the index behind TLS, with the authority's certificate and an empty cache."""
    return replace(
        bench,
        indexes=walled.indexes(),
        cache=bench.make_cache(tmp_path / "cache"),
        network=NetworkSettings(walled.authority),
    )


@pytest.fixture
def started_commands(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The argv of each program that is started, as others on the machine would see it."""
    commands: list[str] = []

    class Watched(subprocess.Popen[Any]):
        def __init__(self, argv: Sequence[str], *args: Any, **options: Any) -> None:
            commands.append(" ".join(argv))
            super().__init__(argv, *args, **options)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    yield commands
    assert commands


def fetch(bench: Bench, lock: Lock) -> tuple[Wheel, ...]:
    return fetch_wheels(lock, bench.context())


@lockers
def test_a_configured_authority_is_trusted(walled_bench: Bench, tmp_path: Path, locker: str) -> None:
    """Locked, downloaded and built with `--ca-bundle`; without it the error names the flag."""
    lock = walled_bench.lock(*LOCKERS[locker], locker=locker)
    assert [wheel.name for wheel in fetch(walled_bench, lock)] == sorted({*LOCKERS[locker], "banana"})
    stranger = replace(walled_bench, network=NetworkSettings(), cache=walled_bench.make_cache(tmp_path / "other"))
    for call in (lambda: stranger.lock("apple", locker=locker), lambda: fetch(stranger, lock)):
        with pytest.raises(PackageIndexError, match="does not answer") as caught:
            call()
        assert "--ca-bundle" in str(caught.value.hint)


@lockers
def test_a_proxy_with_a_password_is_passed(
    walled_bench: Bench, walled: Walled, gate: Gate, started_commands: list[str], tmp_path: Path, locker: str
) -> None:
    """All goes through it, that of a build's own environment too; its password is in no argv, lock or file."""
    before = gate.count_passed(walled.host)
    site = replace(
        walled_bench, network=NetworkSettings(walled.authority, {"HTTPS_PROXY": gate.url, "https_proxy": gate.url})
    )
    lock = site.lock(*LOCKERS[locker], locker=locker)
    locked = gate.count_passed(walled.host)
    assert locked > before
    assert [wheel.name for wheel in fetch(site, lock)] == sorted({*LOCKERS[locker], "banana"})
    assert gate.count_passed(walled.host) > locked
    contents = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for word in HIDDEN:
        assert not [text for text in (*started_commands, lock.text, *contents) if word in text], word


@lockers
def test_a_refusal_of_the_proxy_is_reported(
    walled_bench: Bench, walled: Walled, gate: Gate, tmp_path: Path, locker: str
) -> None:
    """A wrong password is the proxy's refusal; that password too is kept out of the error."""
    lock = walled_bench.lock("apple", locker=locker)
    wrong = gate.url.replace(GATE_WRITTEN, "Wrong%26Leaf%2342")
    site = replace(
        walled_bench,
        network=NetworkSettings(walled.authority, {"https_proxy": wrong}),
        cache=walled_bench.make_cache(tmp_path / "other"),
    )
    before = gate.count_refused()
    for call in (lambda: site.lock("apple", locker=locker), lambda: fetch(site, lock)):
        with pytest.raises(PackageIndexError, match="the proxy on the way") as caught:
            call()
        assert not [word for word in ("Wrong%26Leaf%2342", "Wrong&Leaf#42", PASSWORD) if word in repr(caught.value)]
    assert gate.count_refused() > before


def test_the_secrets_of_a_proxy_url() -> None:
    """The URL with its login, and the password both encoded and decoded; none for a URL without login."""
    site = NetworkSettings(
        None, {"http_proxy": "http://u:p%40ss@proxy:3128", "HTTPS_PROXY": "proxy:3128", "no_proxy": "a,b"}
    )
    assert set(site.list_secrets()) == {"http://u:p%40ss@proxy:3128", "p%40ss", "p@ss"}
    assert NetworkSettings(None, {"http_proxy": "u:word@proxy:3128"}).list_secrets() == ("u:word@proxy:3128", "word")
    assert NetworkSettings(None, {"http_proxy": "http://u@proxy:3128"}).list_secrets() == ("http://u@proxy:3128",)


def test_the_environment_of_the_tests_has_no_proxy() -> None:
    """Otherwise the tests above would prove nothing."""
    assert not [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
