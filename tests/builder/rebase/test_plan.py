"""Whether a base fits below an image, and what image comes of it. Nothing is read or written but two folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.builder import handmade

from ovenbird_builder.errors import ImageError, IncompatibleBaseError
from ovenbird_builder.image_reader import ImageReader
from ovenbird_builder.image_reader.resolve import ImageAccess, resolve_image
from ovenbird_builder.oci import label_names
from ovenbird_builder.rebase.plan import check_compatible, count_base_layers, swap_base

REACH = ImageAccess({}, platform="linux/amd64")


def make_images(folder: Path, *, base: dict[str, str] | None = None, image: dict[str, str] | None = None) -> Any:
    """Make an image, its base and another base, with changed labels."""
    old = handmade.make_base(folder / "old", {"etc/base": b"old"})
    new = handmade.make_base(folder / "new", {"etc/base": b"new"}, **(base or {}))
    above = handmade.make_function(folder / "image", old, "x/base:1", **(image or {}))
    return tuple(resolve_image(f"oci:{image.folder}", REACH) for image in (above, old, new))


def read_facts(base: ImageReader) -> dict[str, str]:
    """Return the labels of a base's interpreter."""
    return {name: base.labels[name] for name in (*label_names.INTERPRETER, label_names.RUNTIME) if name in base.labels}


@pytest.mark.parametrize("base", [{}, {"PYTHON": "3.12.9"}, {"LIBC": "glibc 2.41"}, {"LIBC": "glibc 2.100"}])
def test_a_base_that_fits(tmp_path: Path, base: dict[str, str]) -> None:
    """A patch of Python and a newer C library are what a rebase is for."""
    image, _, new = make_images(tmp_path, base=base)
    check_compatible(image, new, read_facts(new))


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ({"PYTHON": "3.13.1"}, r"for Python 3\.12, the base has 3\.13\.1"),
        ({"SOABI": "cpython-312-aarch64-linux-gnu"}, "the ABI is"),
        ({"LIBC": "glibc 2.31"}, r"the C library is glibc 2\.36, that of the base glibc 2\.31"),
        ({"LIBC": "musl 1.2"}, "musl"),
        ({"PURELIB": "/usr/lib/python3/dist-packages"}, "folder of packages"),
        ({"PLATLIB": "/usr/lib64/python3.12/site-packages"}, "folder of platform packages"),
        ({"RUNTIME": ""}, "brings none"),
    ],
)
def test_a_base_that_does_not(tmp_path: Path, base: dict[str, str], why: str) -> None:
    """Each is refused with what differs, --force or not."""
    image, _, new = make_images(tmp_path, base=base)
    with pytest.raises(IncompatibleBaseError, match=why):
        check_compatible(image, new, read_facts(new), force=True)


def test_a_base_of_another_architecture_is_refused(tmp_path: Path) -> None:
    """The config of the image decides."""
    image, _, new = make_images(tmp_path)
    other = ImageReader(new.name, "", new.raw, new.raw_config.replace(b'"amd64"', b'"arm64"'), new.open_blob)
    with pytest.raises(IncompatibleBaseError, match="linux/amd64, the base for linux/arm64"):
        check_compatible(image, other, read_facts(new))


def test_all_reasons_are_reported_at_once(tmp_path: Path) -> None:
    """Not the first one only."""
    image, _, new = make_images(tmp_path, base={"PYTHON": "3.11.2", "LIBC": "glibc 2.31"})
    with pytest.raises(IncompatibleBaseError, match=r"Python 3\.12.*glibc 2\.31"):
        check_compatible(image, new, read_facts(new))


def test_instructions_need_force(tmp_path: Path) -> None:
    """Their changes belong to the old base."""
    image, _, new = make_images(tmp_path, image={"INSTRUCTIONS": "2"})
    with pytest.raises(IncompatibleBaseError, match=r"2 instructions changed.*--force"):
        check_compatible(image, new, read_facts(new))
    check_compatible(image, new, read_facts(new), force=True)
    assert "instructions ran on the old base" in swap_base(image, new, "x", read_facts(new), {}).warnings[-1]


@pytest.mark.parametrize("count", ["", "x", "0", "9"])
def test_an_image_without_labels_of_its_base_is_refused(tmp_path: Path, count: str) -> None:
    """No label, or one that cannot be."""
    image, _, _ = make_images(tmp_path, image={"BASE_LAYERS": count})
    with pytest.raises(ImageError, match=r"dev\.ovenbird\.base\.layers"):
        count_base_layers(image)


def test_layers_and_history_are_swapped(tmp_path: Path) -> None:
    """The new base's below, the image's own above, in config and manifest alike; the same bytes each time."""
    image, old, new = make_images(tmp_path)
    result = swap_base(image, new, "x/base:2", read_facts(new), old.config)
    manifest, config = json.loads(result.manifest), json.loads(result.config)
    assert manifest["layers"] == [*new.manifest["layers"], *image.manifest["layers"][1:]]
    assert config["rootfs"]["diff_ids"] == [*new.config["rootfs"]["diff_ids"], *image.config["rootfs"]["diff_ids"][1:]]
    commands = [row["created_by"] for row in config["history"] if not row.get("empty_layer")]
    assert commands == ["base", "ovenbird: numpy 2.1.0", "ovenbird: source", "ovenbird: function document"]
    assert (manifest["config"]["size"], result.upper_layers) == (len(result.config), 3)
    assert result == swap_base(image, new, "x/base:2", read_facts(new), old.config)


def test_a_rebase_onto_the_same_base_changes_only_the_format(tmp_path: Path) -> None:
    """A rebase onto the base that it has gives the same layers and the same settings."""
    image, old, _ = make_images(tmp_path)
    result = swap_base(image, old, "x/base:1", read_facts(old), old.config)
    assert json.loads(result.manifest)["layers"] == image.manifest["layers"]
    config = json.loads(result.config)
    assert config["config"] == image.config["config"]
    assert config["rootfs"] == image.config["rootfs"]


def test_settings_of_the_build_win_and_others_are_renewed(tmp_path: Path) -> None:
    """Variables, labels and the command of the old base give way; those of the function stay."""
    image, old, new = make_images(tmp_path, base={"PYTHON": "3.12.9"})
    fresh = json.loads(new.raw_config)
    fresh["config"] |= {"Env": ["PATH=/opt/bin", "PYTHON_VERSION=3.12.9", "NEW=1"], "StopSignal": "SIGINT"}
    new = ImageReader(new.name, "", new.raw, json.dumps(fresh).encode(), new.open_blob)
    inner = json.loads(swap_base(image, new, "x/base:2", read_facts(new), old.config).config)["config"]
    assert sorted(inner["Env"]) == [
        "NEW=1", "OVENBIRD_TARGET=/opt/ovenbird/function.yaml", "PATH=/opt/bin", "PYTHON_VERSION=3.12.9",
    ]  # fmt: skip
    assert (inner["Cmd"], inner["User"], inner["StopSignal"]) == (["serve"], "8877:999", "SIGINT")
    labels = inner["Labels"]
    assert (labels[label_names.PYTHON], labels[label_names.BASE_NAME], labels[label_names.BASE_DIGEST]) == (
        "3.12.9",
        "x/base:2",
        new.digest,
    )
    assert labels[label_names.LOCK_DIGEST] == "sha256:" + "e" * 64


def test_the_function_keeps_its_own_labels(tmp_path: Path) -> None:
    """Its license stays even if the old base has the same; license and version of the new base are not copied."""
    image, old, new = make_images(tmp_path, image={"LICENSES": "MIT"})
    fresh, before = json.loads(new.raw_config), json.loads(old.raw_config)
    fresh["config"]["Labels"] |= {label_names.LICENSES: "GPL-3.0", label_names.VERSION: "13", "vendor": "new"}
    before["config"]["Labels"] |= {label_names.LICENSES: "MIT"}
    new = ImageReader(new.name, "", new.raw, json.dumps(fresh).encode(), new.open_blob)
    labels = json.loads(swap_base(image, new, "x/base:2", read_facts(new), before).config)["config"]["Labels"]
    assert (labels[label_names.LICENSES], labels["vendor"]) == ("MIT", "new")
    assert label_names.VERSION not in labels


def test_without_the_old_base_the_new_base_wins(tmp_path: Path) -> None:
    """If the origin of a variable is unknown, the new base's value wins, ours stay, and a note says so."""
    image, _, new = make_images(tmp_path)
    result = swap_base(image, new, "x/base:2", read_facts(new), None)
    env = json.loads(result.config)["config"]["Env"]
    assert set(env) == {"PATH=/usr/bin", "PYTHON_VERSION=3.12.1", "OVENBIRD_TARGET=/opt/ovenbird/function.yaml"}
    assert "old base" in result.warnings[0]


def test_dockers_media_types_become_ocis(tmp_path: Path) -> None:
    """A base with a Docker manifest goes below an OCI image."""
    image, old, new = make_images(tmp_path)
    docker = new.raw.replace(
        b"application/vnd.oci.image.layer.v1.tar+zstd", b"application/vnd.docker.image.rootfs.diff.tar.gzip"
    )
    result = swap_base(
        image, ImageReader(new.name, "", docker, new.raw_config, new.open_blob), "x", read_facts(new), old.config
    )
    assert json.loads(result.manifest)["layers"][0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"


def test_a_runtime_of_the_images_own_stays(tmp_path: Path) -> None:
    """If the build added the runtime, the base's version of it does not matter."""
    image, old, new = make_images(tmp_path, base={"RUNTIME": ""}, image={"RUNTIME_FROM": "image", "RUNTIME": "0.9"})
    check_compatible(image, new, read_facts(new))
    config = json.loads(swap_base(image, new, "x", read_facts(new), old.config).config)
    assert config["config"]["Labels"][label_names.RUNTIME] == "0.9"
