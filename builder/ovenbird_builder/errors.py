"""Errors of the builder: the exit status tells the phase, in tens.

20-29 what was asked for, 30-39 the source, 40-49 the lock, 50-59 the layers, 60-69 the image and its registry.
90-99 a cluster: how a run or a service there could not be started or followed.
"""

from __future__ import annotations

from ovenbird.errors import OvenbirdError


class BuildRequestError(OvenbirdError):
    """What was asked for makes no sense: a flag, a field, a combination."""

    code = "build.spec"
    exit_code = 20


class VersionError(BuildRequestError):
    """A Python version that no base image is known for."""

    code = "build.spec.version"
    exit_code = 21


class ReferenceFormatError(BuildRequestError):
    """The name of an image is not a valid reference."""

    code = "build.spec.reference"
    exit_code = 22


class InstructionError(BuildRequestError):
    """An instruction that is refused before it runs."""

    code = "build.spec.instruction"
    exit_code = 23


class ProgramMissingError(BuildRequestError):
    """A program that the builder needs (buildah, git, skopeo) is not installed."""

    code = "build.program_missing"
    exit_code = 24


class SourceError(OvenbirdError):
    """The source could not be fetched; the subclasses say why."""

    code = "build.source"
    exit_code = 30


class SourceMissingError(SourceError):
    """The source, or the reference or subfolder in it, does not exist."""

    code = "build.source.missing"
    exit_code = 31


class SourceAuthError(SourceError):
    """The source asks for credentials that were not given, or refuses those that were."""

    code = "build.source.denied"
    exit_code = 32


class UnsafeSourceError(SourceError):
    """The source tries to leave its folder, to run something, or to fill the disk."""

    code = "build.source.unsafe"
    exit_code = 33


class SourceUnreachableError(SourceError):
    """The server of the source does not answer, or breaks off."""

    code = "build.source.unreachable"
    exit_code = 34


class ModuleShadowedError(SourceError):
    """A file of the source would hide a module that Python or the runtime needs."""

    code = "build.source.shadow"
    exit_code = 35


class SourceSyntaxError(SourceError):
    """A file that the handler needs is no Python of the target's version."""

    code = "build.source.syntax"
    exit_code = 36


class HandlerMissingError(SourceError):
    """The source has no such handler, no such init function, or not the module that holds them."""

    code = "build.source.handler"
    exit_code = 37


class LockError(OvenbirdError):
    """The dependencies could not be locked; the subclasses say why."""

    code = "build.lock"
    exit_code = 40


class ConflictError(LockError):
    """Requirements that no set of versions fulfils."""

    code = "build.lock.conflict"
    exit_code = 41


class RequirementMissingError(LockError):
    """A requirement that the index does not have, in no version that fits."""

    code = "build.lock.missing"
    exit_code = 42


class NoWheelError(LockError):
    """A requirement without a wheel for the target, where only wheels will do."""

    code = "build.lock.no_wheel"
    exit_code = 43


class HashError(LockError):
    """A file that is not what the lock says it is."""

    code = "build.lock.hash"
    exit_code = 44


class StaleLockError(LockError):
    """The lock at hand was made for something else than what is asked for now."""

    code = "build.lock.stale"
    exit_code = 45


class PackageIndexError(LockError):
    """The package index does not answer, or asks for credentials."""

    code = "build.lock.index"
    exit_code = 46


class LayerError(OvenbirdError):
    """A layer could not be made."""

    code = "build.layer"
    exit_code = 50


class InstructionFailedError(LayerError):
    """An instruction ended with an exit status other than 0."""

    code = "build.layer.instruction"
    exit_code = 51


class InstructionTimeoutError(LayerError):
    """An instruction ran over its time limit and was stopped."""

    code = "build.layer.time_limit"
    exit_code = 52


class WheelBuildError(LayerError):
    """A source distribution could not be built to a wheel."""

    code = "build.layer.wheel"
    exit_code = 53


class ImagePolicyError(LayerError):
    """An image that must not leave: a secret, stale bytecode, or a file that has no place in it."""

    code = "build.layer.gate"
    exit_code = 54


class DiskFullError(LayerError):
    """The disk is full, or the cache cannot be written."""

    code = "build.layer.space"
    exit_code = 55


class CheckError(LayerError):
    """The function cannot be loaded in the finished image, which goes nowhere."""

    code = "build.check"
    exit_code = 56


class ImageError(OvenbirdError):
    """The image could not be put together, stored or pushed."""

    code = "build.image"
    exit_code = 60


class BaseMissingError(ImageError):
    """The base image does not exist where it was looked for."""

    code = "build.image.base_missing"
    exit_code = 61


class IncompatibleBaseError(ImageError):
    """The base image cannot hold the function: no Python, another one, musl, another architecture."""

    code = "build.image.base_unfit"
    exit_code = 62


class RegistryError(ImageError):
    """The registry does not answer, or breaks off."""

    code = "build.image.registry"
    exit_code = 63


class RegistryAuthError(ImageError):
    """The registry asks for credentials, or refuses those that were given."""

    code = "build.image.denied"
    exit_code = 64


class DigestError(ImageError):
    """What a registry or a store gave does not match its digest."""

    code = "build.image.digest"
    exit_code = 65


class EngineError(ImageError):
    """buildah or skopeo failed in a way that has no class of its own."""

    code = "build.image.engine"
    exit_code = 66


class ClusterError(OvenbirdError):
    """The cluster refused what was asked for, in a way that has no class of its own.

    `has_begun` is False where it is known that no container of the run has ever begun: then its Job can be deleted.
    `ends_run` says whether nothing of the run goes on.
    """

    code = "cluster"
    exit_code = 90
    has_begun = True
    ends_run = False

    def add_hint(self, text: str) -> None:
        """Add to what can be done."""
        self.hint = f"{self.hint}; {text}".removeprefix("; ")


class ObjectMissingError(ClusterError):
    """The cluster has no object of that name."""

    code = "cluster.missing"


class KindMissingError(ClusterError):
    """The cluster has no objects of that kind, such as those of an extension that is not installed."""

    code = "cluster.kind"


class KubectlMissingError(ClusterError):
    """The program kubectl is not installed."""

    code = "cluster.kubectl"
    exit_code = 91


class ClusterContextError(ClusterError):
    """There is no context to use, the one that was named does not exist, or its namespace does not."""

    code = "cluster.context"
    exit_code = 92


class ClusterAccessError(ClusterError):
    """The cluster denies what was asked for."""

    code = "cluster.denied"
    exit_code = 93


class CredentialsError(ClusterAccessError):
    """The cluster does not know who asks: the credentials have expired, or could not be fetched."""

    code = "cluster.credentials"


class PodRefusedError(ClusterAccessError):
    """A policy of the namespace refuses the pod."""

    code = "cluster.policy"


class QuotaError(ClusterError):
    """A quota of the namespace leaves no room."""

    code = "cluster.quota"
    exit_code = 94


class ImagePullError(ClusterError):
    """The node cannot pull the image."""

    code = "cluster.image"
    exit_code = 95


class PodLostError(ClusterError):
    """The pod was deleted or evicted, or its node has vanished, before the run had ended."""

    code = "cluster.pod_lost"
    exit_code = 96
    ends_run = True


class OutOfMemoryError(ClusterError):
    """The container was killed because it used more memory than its limit."""

    code = "cluster.memory"
    exit_code = 97
    ends_run = True


class ClusterUnreachableError(ClusterError):
    """The API server does not answer."""

    code = "cluster.unreachable"
    exit_code = 98


class PodStartError(ClusterError):
    """The pod does not start, for a reason that will not go away by itself, or not in time."""

    code = "cluster.start"
    exit_code = 99
