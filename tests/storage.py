"""A store of one's own for buildah, podman and skopeo: whatever the machine's user has is neither used nor touched."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


def write_storage_config(folder: Path, storage: Path) -> dict[str, str]:
    """Write the configuration into `folder`, of a store in `storage`; the variables that make programs use it."""
    env = {
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
    }
    (folder / "auth.json").write_text("{}")
    (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{storage / "graph"}"\nrunroot = "{runroot(storage)}"\n'
    )
    name = _network(storage / "networks")
    (folder / "containers.conf").write_text(
        # locks in files: those in shared memory belong to the store of the machine
        f'[engine]\nruntime = "runc"\nevents_logger = "file"\nlock_type = "file"\ntmp_dir = "{storage / "tmp"}"\n'
        f'[network]\nnetwork_backend = "netavark"\ndefault_network = "{name}"\n'
        f'network_config_dir = "{storage / "networks"}"\n'
        '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    )
    return env


def runroot(storage: Path) -> Path:
    """The folder of what a store knows of containers that run: in the store, elsewhere where its name is too long.

    Podman refuses more than 50 characters, links resolved, and tells so only the process that is to clean up after a
    container: each `podman run` then waits 20 s for that one in vain.
    """
    inside = storage / "run"
    if len(str(inside)) <= 50:
        return inside
    return Path("/tmp", f"ovenbird-{hashlib.sha256(str(storage).encode()).hexdigest()[:12]}")


def _network(folder: Path) -> str:
    """The definition of a bridge whose name and addresses follow from the folder: checkouts do not meet on one."""
    digest = hashlib.sha256(str(folder).encode()).digest()
    name = f"ovenbird{digest.hex()[:6]}"
    subnet = f"10.{128 + digest[3] % 64}.{digest[4]}"
    network = {
        "name": name,
        "id": hashlib.sha256(name.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": f"ob{digest.hex()[:6]}",
        "created": "2025-01-01T00:00:00Z",
        "subnets": [{"subnet": f"{subnet}.0/24", "gateway": f"{subnet}.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f".{name}-{os.getpid()}"
    part.write_text(json.dumps(network))
    part.rename(folder / f"{name}.json")
    return name
