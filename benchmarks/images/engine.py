"""Storage roots of their own for a benchmark, and what is run in them: nothing of the user's store is touched."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the tests' stand-ins are the upstream, their stores ours

from processes import FailedError
from tests import standins
from tests.storage import runroot, write_storage_config


@dataclass(frozen=True)
class Store:
    """A storage root below a folder, and the whole environment that makes programs use it."""

    folder: Path
    environ: dict[str, str]

    def run(self, *command: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a program, in the store's environment or another one; what it printed. Errors: FailedError."""
        # conmon leaves a file `oom` where it was started
        process = subprocess.run(
            command, env=environ or self.environ, cwd=self.folder, capture_output=True, text=True, check=False
        )  # fmt: skip
        if process.returncode:
            raise FailedError(f"{' '.join(command[:3])}: {(process.stderr or process.stdout).strip()[-400:]}")
        return process.stdout

    def build(self, version: str) -> tuple[str, str]:
        """Build the base of a version from a stand-in for its upstream; its name and digest."""
        upstream = pull_upstream(self, version)
        command = (sys.executable, "-m", "ovenbird", "base", "build", version, "--quiet", "--from", upstream)
        (row,) = json.loads(self.run(*command))
        return row["image"], row["digest"]

    def list_last_layer(self, image: str) -> list[tuple[str, int]]:
        """Return the files that the last layer of an image adds, each with its size in bytes."""
        folder = self.folder / "unpacked"
        self.run("buildah", "push", "--quiet", "--disable-compression", image, f"dir:{folder}")
        manifest = json.loads((folder / "manifest.json").read_text())
        with tarfile.open(folder / manifest["layers"][-1]["digest"].partition(":")[2]) as tar:
            return [(f"/{member.name}", member.size) for member in tar.getmembers() if member.isfile()]


def pull_upstream(store: Store, version: str) -> str:
    """Take the stand-in for the upstream of a base into a store, and return its name."""
    upstream = f"localhost/python:{version}-slim"
    layout = standins.make((version,))[version]
    store.run("skopeo", "copy", "--quiet", f"oci:{layout}", f"containers-storage:{upstream}")
    return upstream


def make_store(folder: Path) -> Store:
    """Return a new storage root below a folder."""
    folder.mkdir(parents=True)
    atexit.register(shutil.rmtree, runroot(folder), ignore_errors=True)
    return Store(
        folder, {**os.environ, **write_storage_config(folder, folder), "OVENBIRD_CACHE_DIR": str(folder / "cache")}
    )


def choose_version() -> str:
    """The Python version to measure: that of the harness where there is a stand-in for it, so that both are alike."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return own if own in standins.available() else standins.available()[-1]
