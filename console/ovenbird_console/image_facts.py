"""What the builder knows of images: it is asked where it is installed, and its packages are imported then."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ovenbird.common.install_hint import format_install_command
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError, SettingsError

from .local_images import LocalImage, list_images, make_image_name

_PROGRAMS = ("buildah", "skopeo")
_SECRET = re.compile(r"@(?!sha256:)")  # what stands before it may be a password
_MOST = 20  # images of a function that are listed


Package = tuple[str, str, str]
"""Name, version and license of a package in an image, as its bill of materials has them."""


class FunctionImages(NamedTuple):
    """The images of a function, newest first, the layers of the first one, and what its build has said.

    `facts` has `digest`, `size` and `layers`; `build` has `time`, `rebuilt`, `warnings` and more, where the cache
    still knows that build. `gone` is what was built under the usual name and is no longer in the store.
    """

    images: list[LocalImage]
    facts: dict[str, Any] | None = None
    build: dict[str, Any] | None = None
    gone: dict[str, Any] | None = None


def find_build_problem(environ: Mapping[str, str]) -> OvenbirdError | None:
    """Return why no image can be built on this machine; None where the builder and its programs are installed."""
    if importlib.util.find_spec("ovenbird_builder") is None or importlib.util.find_spec("zstandard") is None:
        return SettingsError("the builder is not installed", hint=format_install_command("build"))
    missing = [name for name in _PROGRAMS if shutil.which(name, path=environ.get("PATH")) is None]
    if missing:
        names = " and ".join(missing)
        verb = "is" if len(missing) == 1 else "are"
        return SettingsError(f"{names} {verb} not installed", hint=f"apt-get install {' '.join(missing)}")
    return None


def check_name(name: str) -> str:
    """Return the name of an image as it is. Errors: SettingsError for none, or one that holds a password."""
    if not name.strip():
        raise SettingsError("no image is named")
    if _SECRET.search(name):
        raise SettingsError(
            "the name of an image holds no user and no password",
            hint="`buildah login REGISTRY` keeps them, and this page uses them from there",
        )
    return name.strip()


def read_facts(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `ovenbird inspect` knows of an image. Errors: OvenbirdError."""
    with _guard_builder():
        from ovenbird_builder.actions import image_facts

        return image_facts.read_facts(name, environ)


def list_packages(name: str, environ: Mapping[str, str]) -> list[Package] | None:
    """Return the packages in an image; None where its registry has no bill of materials. Errors: OvenbirdError."""
    with _guard_builder():
        from ovenbird_builder.actions import image_facts

        rows = image_facts.list_packages(name, environ)
    if rows is None:
        return None
    # the base is a component too, and no package; the runtime may be one twice
    return list(dict.fromkeys(_read_package(row) for row in rows if row.get("type") != "container"))


def find_images(function: str, environ: Mapping[str, str]) -> FunctionImages:
    """Return the images of a function in the local store. Errors: OvenbirdError."""
    usual = make_image_name(function)
    images = [image for image in list_images(environ) or () if image.name and usual in (image.name, image.usual_name)]
    with _guard_builder():
        from ovenbird_builder.actions import image_facts

        if not images:
            return FunctionImages([], gone=image_facts.recall_build(usual, environ))
        build = image_facts.recall_build(images[0].name, environ)
        facts = image_facts.read_layers(images[0].place, environ)
    is_same = build is not None and build["digest"] == facts["digest"]
    return FunctionImages(images[:_MOST], facts, build if is_same else None)


def _read_package(component: Mapping[str, Any]) -> Package:
    licenses = [
        str(row.get("expression") or (row.get("license") or {}).get("id") or (row.get("license") or {}).get("name", ""))
        for row in component.get("licenses") or ()
    ]
    return str(component.get("name", "")), str(component.get("version", "")), ", ".join(filter(None, licenses))


@contextlib.contextmanager
def _guard_builder() -> Iterator[None]:
    """Turn a package of the builder's that is not installed into a SettingsError with the command that adds it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"this needs the package {show_value(error.name)}", hint=format_install_command("build")
        ) from None
