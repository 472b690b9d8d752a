"""Images in and out of the blob cache, through skopeo: bases in; built images to the store or a file.

To a registry they go by `registry`, over the connections that statements about them take too.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ovenbird.common.hashing import digest_text

from ..containers import buildah, engine_errors, skopeo
from ..errors import BaseMissingError
from ..host import process
from ..host.network import NetworkSettings
from ..oci.reference import ImageReference
from ..registry.auth_file import RegistryAuthFile

if TYPE_CHECKING:
    from ..registry.client import RepositoryClient

_PATIENCE = 300.0  # seconds for one answer: a registry looks at a large blob before it gives it
_PAUSES = (0.5, 1.0, 2.0)  # seconds before each further try


@dataclass(frozen=True, slots=True)
class SkopeoClient:
    """How registries and the local store are reached: credentials, certificates, the folder of blobs, a time limit.

    `timeout` is in seconds, for one copy. `tell` is called with a line for each attempt that is repeated.
    """

    blobs: Path
    environ: Mapping[str, str]
    network: NetworkSettings = field(default_factory=NetworkSettings)
    credentials: RegistryAuthFile = field(default_factory=RegistryAuthFile)
    timeout: float | None = 1800.0
    tell: Callable[[str], None] = field(default=lambda _: None)
    _clients: dict[str, RepositoryClient] = field(default_factory=dict, init=False, repr=False, compare=False)

    def read_manifest(self, image: str, *, insecure: bool = False) -> bytes:
        """Return the manifest of `transport:details`, as stored. Errors: those of `engine_errors`."""
        argv = skopeo.manifest(image, authfile=self._choose_authfile(image), insecure=insecure)
        doing = f"ask for {_strip_transport(image)}"
        if image.startswith("docker://"):
            return self._run(argv, doing).stdout.encode()
        try:
            return self._run_once(argv).stdout.encode()  # of this machine: the same answer each time
        except process.ProcessFailedError as error:
            raise engine_errors.translate_error(error, doing) from None

    def digest(self, reference: ImageReference) -> str:
        """Return the digest that a registry has for a reference; empty when it has none.

        Errors: those of `engine_errors`.
        """
        if reference.host.startswith("["):  # skopeo takes an IPv6 address in a name only since 1.12
            try:
                return (
                    self.open_repository(reference).fetch_manifest(reference.digest or reference.tag or "latest").digest
                )
            except BaseMissingError:
                return ""
        argv = skopeo.manifest(
            f"docker://{reference.remote}", authfile=self.credentials.authfile, insecure=reference.loopback
        )
        return self._digest(argv, f"ask for {reference}")

    def find_stored(self, reference: ImageReference) -> str:
        """Return the digest that the local store has for a reference; empty when it has none."""
        return self._digest(skopeo.manifest(f"containers-storage:{reference.local}"), f"look for {reference}")

    def pull(self, image: str, layout: Path, *, insecure: bool, platform: tuple[str, str]) -> None:
        """Copy an image into a layout whose blobs are shared; what is there already is not fetched again.

        Docker's manifests become OCI's on the way, which a layout asks for; the layers stay what they are.
        """
        options = skopeo.CopyOptions(
            destination_blobs=str(self.blobs), authfile=self._choose_authfile(image),
            insecure="src" if insecure else "", keep_digests=False, platform=platform,
        )  # fmt: skip
        argv = skopeo.copy(image, f"oci:{layout}:image", options)
        self._run(argv, f"pull {_strip_transport(image)}")

    def open_repository(self, reference: ImageReference) -> RepositoryClient:
        """Return a client of a reference's repository, for what skopeo does not do; its connections are kept."""
        from ..registry.client import RepositoryClient  # and an HTTP client: not for a build that pushes nothing

        if (name := reference.repository) not in self._clients:
            self._clients[name] = RepositoryClient(
                reference, self.environ, network=self.network, authfile=self.credentials.authfile,
                timeout=min(_PATIENCE, self.timeout or _PATIENCE),
            )  # fmt: skip
        return self._clients[name]

    def load(self, layout: Path, name: str, stop: threading.Event | None = None) -> None:
        """Take a layout's image into the local store as `name`; ended once `stop` is set."""
        options = skopeo.CopyOptions(source_blobs=str(self.blobs))
        argv = skopeo.copy(f"oci:{layout}:image", f"containers-storage:{name}", options)
        self._run(argv, f"load {name} into the local store", stop)

    def load_unnamed(self, layout: Path, config_digest: str) -> str:
        """Take a layout's image into the local store without a name; its id there."""
        number = config_digest.partition(":")[2]
        options = skopeo.CopyOptions(source_blobs=str(self.blobs))
        argv = skopeo.copy(f"oci:{layout}:image", f"containers-storage:@{number}", options)
        self._run(argv, "load the image into the local store")
        return number

    def name_stored(self, number: str, names: Sequence[str]) -> None:
        """Give names to an image of the local store. Errors: those of `engine_errors`."""
        try:
            process.run(buildah.tag(number, *names), env=self.environ, timeout=self.timeout)
        except process.ProcessFailedError as error:
            raise engine_errors.translate_error(error, f"name {' and '.join(names)} in the local store") from None

    def drop_unnamed(self, number: str) -> None:
        """Remove an image from the local store, unless it has a name there."""
        result = process.run(buildah.images(), env=self.environ, timeout=self.timeout, check=False)
        rows = json.loads(result.stdout or "[]") or ()
        if any(row.get("id") == number and not row.get("names") for row in rows):
            process.run(buildah.remove_image(number), env=self.environ, timeout=self.timeout, check=False)

    def write(self, layout: Path, destination: str, *, index: bool = False, blobs: Path | None = None) -> None:
        """Copy a layout's image to `transport:details` on this machine; `blobs` is the layout's, if not the cache's."""
        docker = destination.startswith("docker-archive:")  # which has a manifest of its own
        options = skopeo.CopyOptions(
            source_blobs=str(blobs or self.blobs), everything=index, keep_digests=not docker
        )  # fmt: skip
        argv = skopeo.copy(f"oci:{layout}:image", destination, options)
        self._run(argv, f"write {destination}")

    def _digest(self, argv: skopeo.Argv, doing: str) -> str:
        try:
            text = self._run_once(argv).stdout
        except process.ProcessFailedError as error:
            if engine_errors.classify_error(error) == "missing":
                return ""
            if not engine_errors.is_transient(error):
                raise engine_errors.translate_error(error, doing) from None
            text = self._run(argv, doing).stdout
        return digest_text(text)

    def _run(self, argv: skopeo.Argv, doing: str, stop: threading.Event | None = None) -> process.CompletedProcess:
        """Run skopeo, again after a pause where the network broke off. Errors: those of `engine_errors`."""
        for tries, pause in enumerate((*_PAUSES, None), 1):
            try:
                return self._run_once(argv, stop)
            except process.ProcessFailedError as error:
                if pause is None or not engine_errors.is_transient(error):
                    raise engine_errors.translate_error(error, doing, tries) from None
                self.tell(f"{doing}: {engine_errors.extract_reason(error)}; once more in {pause:g} s")
                time.sleep(pause)
        raise AssertionError

    def _run_once(self, argv: skopeo.Argv, stop: threading.Event | None = None) -> process.CompletedProcess:
        secrets = (*self.credentials.secrets, *self.network.list_secrets())
        env = {**self.environ, **self.network.make_host_env()}
        if conf := self.environ.get("CONTAINERS_REGISTRIES_CONF"):  # buildah and podman read it, skopeo does not
            argv = (argv[0], f"--registries-conf={conf}", *argv[1:])
        return process.run(argv, env=env, timeout=self.timeout, secrets=secrets, stop=stop)

    def _choose_authfile(self, image: str) -> str:
        return self.credentials.authfile if image.startswith("docker://") else ""


def read_layout_digest(layout: Path) -> str:
    """Return the digest of the one manifest that a layout's index names."""
    index = json.loads((layout / "index.json").read_text())
    return str(index["manifests"][0]["digest"])


def _strip_transport(image: str) -> str:
    return image.removeprefix("docker://").removeprefix("containers-storage:")
