"""One small function per verb of buildah and skopeo: arguments in, argv out. Nothing is run here.

Where images are kept, how containers are isolated and which registries are insecure is up to the environment of the
caller (`BUILDAH_ISOLATION`, `CONTAINERS_STORAGE_CONF`, `CONTAINERS_REGISTRIES_CONF`, `containers.conf`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

Argv = tuple[str, ...]


def version() -> Argv:
    """Ask for the version."""
    return ("buildah", "--version")


def info() -> Argv:
    """Ask for the machine and the store, as JSON."""
    return ("buildah", "info")


def from_(image: str, *, name: str, pull: str = "missing") -> Argv:
    """Make a working container `name` from `image`; `pull` is `missing`, `always` or `never`. Prints the name."""
    policy = {"missing": "false", "always": "always", "never": "never"}[pull]  # `true` would ask for a newer one
    return ("buildah", "from", "--quiet", f"--pull={policy}", f"--name={name}", "--", image)


class RunOptions(Struct, frozen=True, kw_only=True):
    """How a command runs in a working container; a mount is `HOST:PATH[:ro]`.

    `passed` are variables by name, whose values buildah takes from its own environment: anyone may read an argv.
    """

    user: str = ""
    env: Mapping[str, str] = {}
    passed: Sequence[str] = ()
    mounts: Sequence[str] = ()
    workdir: str = ""
    network: bool = True


def run(container: str, command: Iterable[str], options: RunOptions) -> Argv:
    """Run a command in a working container. The environment is not kept in the image."""
    flags = [f"--user={options.user}"] if options.user else []
    flags += [f"--env={name}={value}" for name, value in options.env.items()]
    flags += [f"--env={name}" for name in options.passed]
    flags += [f"--volume={_escape_mount(mount)}" for mount in options.mounts]
    flags += [f"--workingdir={options.workdir}"] if options.workdir else []
    flags += [] if options.network else ["--network=none"]
    return ("buildah", "run", *flags, container, "--", *command)


def _escape_mount(mount: str) -> str:
    """Return `HOST:PATH[:ro]` as buildah reads it: a colon in HOST has a backslash."""
    mode = ":ro" if mount.endswith(":ro") else ""
    host, _, path = mount.removesuffix(mode).rpartition(":")
    return host.replace(":", "\\:") + f":{path}{mode}"


def commit(container: str, image: str, *, timestamp: int | None = None, fmt: str = "oci") -> Argv:
    """Make an image from a working container; `timestamp` (seconds) makes it depend on its content only."""
    when = [] if timestamp is None else [f"--timestamp={timestamp}"]
    return ("buildah", "commit", "--quiet", f"--format={fmt}", "--identity-label=false", *when, container, image)


def mount(container: str) -> Argv:
    """Mount a working container's file system; prints the path."""
    return ("buildah", "mount", container)


def unmount(container: str) -> Argv:
    """Unmount it again."""
    return ("buildah", "umount", container)


def remove(*containers: str) -> Argv:
    """Remove working containers."""
    return ("buildah", "rm", *containers)


def tag(image: str, *names: str) -> Argv:
    """Give an image of the store further names."""
    return ("buildah", "tag", image, *names)


def remove_image(*images: str) -> Argv:
    """Remove images from the store."""
    return ("buildah", "rmi", *images)


def containers() -> Argv:
    """List working containers as JSON."""
    return ("buildah", "containers", "--json")


def images(name: str = "") -> Argv:
    """List the images of the store whose name is `name`, whatever their tag, as JSON; all of them without a name."""
    return ("buildah", "images", "--json", *([f"--filter=reference={name}"] if name else []))


def unnamed_images(label: str) -> Argv:
    """List the images of the store that have a label and no name, as JSON."""
    return ("buildah", "images", "--json", "--filter=dangling=true", f"--filter=label={label}")


def pull(image: str, *, policy: str = "missing", insecure: bool = False) -> Argv:
    """Take an image into the store; prints its id. `policy` as for `from_`; `insecure`: plain HTTP will do."""
    flags = ["--tls-verify=false"] if insecure else []
    return ("buildah", "pull", "--quiet", f"--policy={policy}", *flags, "--", image)


class BuildOptions(Struct, frozen=True, kw_only=True):
    """How an image is made from the Dockerfile `file`; `secrets` is id -> file, `timestamp` in seconds."""

    file: str
    arguments: Mapping[str, str]
    annotations: Mapping[str, str]
    secrets: Mapping[str, str]
    timestamp: int
    fmt: str = "oci"


def build(context: str, image: str, options: BuildOptions) -> Argv:
    """Make an image from a Dockerfile and a folder. No layer of another build is used."""
    flags = [f"--build-arg={name}={value}" for name, value in options.arguments.items()]
    flags += [f"--annotation={name}={value}" for name, value in options.annotations.items()]
    flags += [f"--secret=id={name},src={path}" for name, path in options.secrets.items()]
    return (
        "buildah", "build", "--pull=never", "--layers=false", "--identity-label=false", f"--format={options.fmt}",
        f"--timestamp={options.timestamp}", f"--file={options.file}", f"--tag={image}", *flags, context,
    )  # fmt: skip


def push(image: str, destination: str, *, digest_file: str = "", insecure: bool = False) -> Argv:
    """Push an image of the store; `insecure`: plain HTTP will do."""
    flags = [f"--digestfile={digest_file}"] if digest_file else []
    flags += ["--tls-verify=false"] if insecure else []
    return ("buildah", "push", "--quiet", *flags, image, destination)


def inspect_image(image: str) -> Argv:
    """Print what the store knows of an image, as JSON."""
    return ("buildah", "inspect", "--type=image", "--", image)


def inspect_digest(image: str, *, insecure: bool = False) -> Argv:
    """Ask a registry for the digest of an image (`docker://...`), that of its index where it has one."""
    flags = ["--tls-verify=false"] if insecure else []
    return ("skopeo", "inspect", "--no-tags", "--format={{.Digest}}", *flags, "--", image)
