"""The choice of a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.store_factory import open_store

CORE = {"DHCORE_ENDPOINT": "http://127.0.0.1:9", "DH_CONFIG": "/nonexistent"}


@pytest.mark.parametrize(
    ("platform", "environ", "kind"),
    [("auto", CORE, DigitalHubStore), ("", CORE, DigitalHubStore), ("core", CORE, DigitalHubStore), ("local", CORE,
    LocalStore),
     ("auto", {}, LocalStore), ("", {}, LocalStore)],
)  # fmt: skip
def test_the_store(platform: str, environ: dict[str, str], kind: type, tmp_path: Path) -> None:
    """The requested platform is used; without a request it is Core where its address is set."""
    store = open_store(platform, {**environ, "OVENBIRD_HOME": str(tmp_path)})
    assert isinstance(store, kind)
    store.close()


def test_the_local_store_loads_nothing_of_core(tmp_path: Path) -> None:
    """No urllib3, no configparser, no HTTP."""
    program = (
        "import sys; from ovenbird.platform.store_factory import open_store\n"
        f"open_store('auto', {{'OVENBIRD_HOME': {str(tmp_path)!r}}}).close(); print(*sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = process.stdout.split()
    spared = (
        "urllib3",
        "configparser",
        "http",
        "urllib.request",
        "ovenbird.platform.core.store",
        "ovenbird.platform.core.rest_client",
    )
    assert [name for name in spared if name in loaded] == []
