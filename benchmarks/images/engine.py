"""Storage roots of their own for a benchmark, and what is run in them: nothing of the user's store is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the stand-ins of the tests are the upstream

from processes import FailedError
from tests import standins


@dataclass(frozen=True)
class Store:
    """A storage root below a folder, and the environment that makes buildah, podman and skopeo use it."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """The whole environment of a program."""
        conf = {name: str(self.folder / f"{name}.conf") for name in ("containers", "storage", "registries")}
        return os.environ | {
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_CONF": conf["containers"],
            "CONTAINERS_STORAGE_CONF": conf["storage"],
            "CONTAINERS_REGISTRIES_CONF": conf["registries"],
            "OVENBIRD_CACHE_DIR": str(self.folder / "cache"),
        }

    def run(self, *command: str) -> str:
        """Run a program; what it printed. Errors: FailedError."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FailedError(f"{' '.join(command[:3])}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout

    def build(self, version: str) -> tuple[str, str]:
        """Build the base of a version from a stand-in for its upstream; its name and digest."""
        upstream = f"localhost/python:{version}-slim"
        self.run(
            "skopeo", "copy", "--quiet", f"oci:{standins.make((version,))[version]}", f"containers-storage:{upstream}"
        )
        command = (sys.executable, "-m", "ovenbird", "base", "build", version, "--quiet", "--from", upstream)
        (row,) = json.loads(self.run(*command))
        return row["image"], row["digest"]

    def last_layer(self, image: str) -> list[tuple[str, int]]:
        """The files that the last layer of an image adds, each with its size in bytes."""
        place = self.folder / "unpacked"
        self.run("buildah", "push", "--quiet", "--disable-compression", image, f"dir:{place}")
        manifest = json.loads((place / "manifest.json").read_text())
        with tarfile.open(place / manifest["layers"][-1]["digest"].partition(":")[2]) as tar:
            return [(f"/{member.name}", member.size) for member in tar.getmembers() if member.isfile()]


def store(folder: Path) -> Store:
    """A new storage root below a folder."""
    folder.mkdir(parents=True)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder / "graph"}"\nrunroot = "{folder / "run"}"\n'
    )
    (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
    (folder / "containers.conf").write_text(
        '[engine]\nruntime = "runc"\nevents_logger = "file"\n'
        '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    )
    return Store(folder)


def version() -> str:
    """The Python version to measure: that of the harness where there is a stand-in for it, so that both are alike."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return own if own in standins.available() else standins.available()[-1]
