"""A container of the target's base with pip and pip-tools mounted: where is resolved and built, and nothing is kept.

The host's configuration of pip has no part in it. What is mounted lies below /run/ovenbird.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from ..bases.probe import TargetPython
from ..containers import pip_tools
from ..containers.working_container import ImageName, WorkingContainer, open_container
from ..host import process
from ..host.network import MOUNT, NetworkSettings
from ..host.progress import SILENT, Progress
from .indexes import PackageIndexes

SHARED_DIR = f"{MOUNT}/shop"  # the folder that is shared with the container
_CONTAINER_FILES = Path(__file__).parent / "container_files"  # files of ours that the target's Python runs
EPOCH = "315532800"  # 1980-01-01, the first day that a zip file can name: builds that heed it give the same bytes


class ResolverContext(Struct, frozen=True):
    """What every step of locking and building takes: the base, its interpreter, the way out, the cache, a time limit.

    `image` need not be in the store before something has to run on it: a lazy one gets its name then. `timeout` is in
    seconds, for each step. `environ` is the caller's. `progress` is told what begins and how it ended.
    """

    image: ImageName
    interpreter: TargetPython
    indexes: PackageIndexes
    network: NetworkSettings
    cache: Path
    environ: Mapping[str, str]
    timeout: float = 1800.0
    progress: Progress = SILENT
    links: tuple[Path, ...] = ()  # folders of the source with further files to install

    def list_secrets(self) -> tuple[str, ...]:
        """Return the texts that must never be shown."""
        return (*self.indexes.list_secrets(), *self.network.list_secrets())


class PipContainer(Struct, frozen=True):
    """A container at work; `folder` is this machine's side of `/run/ovenbird/shop`."""

    site: ResolverContext
    container: WorkingContainer
    folder: Path
    env: Mapping[str, str]
    mounts: tuple[str, ...]

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> process.CompletedProcess:
        """Run the target's Python with these words; the caller judges the status. Errors: ProcessTimedOutError."""
        return self.container.run(
            [self.site.interpreter.executable, *words],
            env={**self.env, **(env or {})},
            mounts=self.mounts,
            workdir=SHARED_DIR,
            timeout=self.site.timeout,
            secrets=self.site.list_secrets(),
            check=False,
        )


@contextlib.contextmanager
def open_pip_container(site: ResolverContext, folder: Path, *, machine: str = "") -> Iterator[PipContainer]:
    """Yield a container of the site's image that shares `folder`; with `machine` its Python answers as on that one.

    Errors: those of `open_container` and of `pip_tools`.
    """
    network, pip_cache = site.network, site.cache / "pip"
    pip_cache.mkdir(parents=True, exist_ok=True)
    box = pip_tools.mount_toolbox(site.cache)
    with site.indexes.write_config() as config, open_container(site.image) as container:
        pip_tools.compile_toolbox(site.cache, container, site.interpreter.executable, site.interpreter.magic)
        mounts = (
            box,
            f"{_CONTAINER_FILES}:{MOUNT}/inside:ro",
            f"{folder}:{SHARED_DIR}",
            f"{pip_cache}:{MOUNT}/pip",
            f"{config}:{MOUNT}/pip.conf:ro",
            *network.list_mounts(),
        )
        path = pip_tools.MOUNTED
        env = {
            **network.make_container_env(),
            **make_pip_environment(f"{MOUNT}/pip.conf"),
            "PIP_CACHE_DIR": f"{MOUNT}/pip",
            "PYTHONPATH": f"{MOUNT}/inside:{path}" if machine else path,
            "OVENBIRD_MACHINE": machine,
            "HOME": SHARED_DIR,
            "TMPDIR": SHARED_DIR,
            "SOURCE_DATE_EPOCH": EPOCH,
        }
        yield PipContainer(site, container, folder, env, mounts)


def make_pip_environment(config: str) -> dict[str, str]:
    """Return the variables for pip wherever it runs: our configuration file only, no questions, no news."""
    return {
        "PIP_CONFIG_FILE": config,
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COLOR": "1",
        "PIP_TIMEOUT": "20",
        "PIP_RETRIES": "2",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
    }
