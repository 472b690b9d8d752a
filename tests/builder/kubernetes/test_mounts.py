"""Mount paths: none hides the image, and no two are equal, however they are spelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ovenbird_builder.kubernetes.mounts import find_hidden, normalize_path

from .conftest import Manifests


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/.", "/usr", "//usr", "/usr/", "/usr/.", "/usr/local", "/usr/local/", "/usr/local/bin", "/usr/lib",
     "/usr/local/lib/python3.12", "/shared", "/shared/", "//shared", "/opt", "/opt/ovenbird", "/opt/ovenbird/site",
     "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/proc/1", "/sys", "/usr/bin/../bin"],
)  # fmt: skip
def test_a_mount_that_hides_the_image_is_refused(path: str, refused: Callable[..., str]) -> None:
    """Python, the runtime, the system or the function would be hidden in the container."""
    message = refused("--action", "job", "--volume", f"empty_dir:data:{path}")
    assert "would hide" in message or ".." in path
    assert "volumes[0].mount_path" in message


@pytest.mark.parametrize(
    "path",
    ["/data", "/shared/data", "/etc/app", "/dev/shm", "/usr/share/models", "/usr/local/share/models", "/opt/models",
     "/optical", "/home/me", "/var/lib/app", "/srv", "/tmp", "/libs", "/usr-data"],
)  # fmt: skip
def test_other_paths_may_be_mounted(path: str, make: Callable[..., Manifests]) -> None:
    """A folder next to or below those of the image hides nothing."""
    manifests = make("--action", "job", "--volume", f"empty_dir:data:{path}")
    assert path in [mount["mountPath"] for mount in manifests.container["volumeMounts"]]


def test_a_path_has_one_form(make: Callable[..., Manifests], refused: Callable[..., str]) -> None:
    """Two volumes at one path are found in any spelling, and /tmp is one volume."""
    two = ("--volume", "empty_dir:a:/data", "--volume")
    for path in ("/data", "/data/", "//data", "/data/."):
        assert "volumes: two lie at '/data'" in refused("--action", "job", *two, f"empty_dir:b:{path}")
    manifests = make("--action", "job", "--volume", "empty_dir:t://tmp/")
    assert [mount["mountPath"] for mount in manifests.container["volumeMounts"]] == ["/tmp"]
    assert normalize_path("//a//b/./") == "/a/b"
    assert find_hidden("/a/b") == ""


def test_the_manifests_own_mounts_are_reserved(refused: Callable[..., str], folder: object) -> None:
    """Kubernetes refuses two mounts at one path, once the manifests are applied."""
    (folder / "each.jsonl").write_text("{}\n")  # type: ignore[operator]
    own = "the manifest itself mounts"
    assert own in refused("--each", "each.jsonl", "--volume", "empty_dir:a:/etc/ovenbird/each/")
    for path in ("/home/builder", "/var/tmp", "/etc/ovenbird/function", "/etc/ovenbird/registry"):
        assert own in refused("--tag", "r.example/f:1", "--volume", f"empty_dir:a:{path}")
