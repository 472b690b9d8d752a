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
from .record_fields import get_list, get_mapping, get_text

_PROGRAMS = ("buildah", "skopeo")
_SECRET = re.compile(r"@(?!sha256:)")  # what stands before it may be a password
_MOST = 20  # images of a function that are listed


Package = tuple[str, str, str]
"""Name, version and license of a package in an image, as its bill of materials has them."""


class FunctionImages(NamedTuple):
    """The images of a function, newest first, the layers of the first one, and what its build has said.

    `facts` has `digest`, `size` and `layers`; `build` has `time`, `rebuilt`, `warnings` and more, where the cache
    still knows that build. `removed_build` is what was built under the usual name and is no longer in the store.
    """

    images: list[LocalImage]
    facts: dict[str, Any] | None = None
    build: dict[str, Any] | None = None
    removed_build: dict[str, Any] | None = None


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
    if not name.strip().isprintable():
        raise SettingsError(f"the name of an image has a control character: {show_value(name)}")
    if _SECRET.search(name):
        raise SettingsError(
            "the name of an image holds no user and no password",
            hint="`buildah login REGISTRY` keeps them, and this page uses them from there",
        )
    return name.strip()


def read_facts(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `ovenbird inspect` knows of an image. Errors: OvenbirdError."""
    with translate_import_errors():
        from ovenbird_builder.actions import image_facts

        return image_facts.read_facts(name, environ)


def list_packages(name: str, environ: Mapping[str, str]) -> list[Package] | None:
    """Return the packages in an image; None where its registry has no bill of materials. Errors: OvenbirdError."""
    with translate_import_errors():
        from ovenbird_builder.actions import image_facts

        rows = image_facts.list_packages(name, environ)
    if rows is None:
        return None
    # the base is a component too, and no package; the runtime may be one twice
    return list(dict.fromkeys(read_package(row) for row in rows if row.get("type") != "container"))


def find_images(function: str, environ: Mapping[str, str]) -> FunctionImages:
    """Return the images of a function in the local store. Errors: OvenbirdError."""
    usual = make_image_name(function)
    images = [image for image in list_images(environ) or () if image.name and usual in (image.name, image.usual_name)]
    with translate_import_errors():
        from ovenbird_builder.actions import image_facts

        if not images:
            return FunctionImages([], removed_build=image_facts.recall_build(usual, environ))
        build = image_facts.recall_build(images[0].name, environ)
        facts = image_facts.read_layers(images[0].place, environ)
    is_same = build is not None and build["digest"] == facts["digest"]
    return FunctionImages(images[:_MOST], facts, build if is_same else None)


def read_package(component: Mapping[str, Any]) -> Package:
    """Return a component of a bill of materials, which others write too: a field of another type counts as absent."""
    licenses = [_read_license(row) for row in get_list(component, "licenses")]
    return get_text(component, "name"), get_text(component, "version"), ", ".join(filter(None, licenses))


def _read_license(row: Any) -> str:
    """Return the text of a license, also where others have written a text in place of an object."""
    if isinstance(row, str):
        return row
    if not isinstance(row, dict):
        return ""
    inner = get_mapping(row, "license")
    texts = (get_text(row, "expression"), get_text(inner, "id"), get_text(inner, "name"), get_text(row, "license"))
    return next(filter(None, texts), "")


@contextlib.contextmanager
def translate_import_errors() -> Iterator[None]:
    """Turn a package of the builder's that is not installed into a SettingsError with the command that adds it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"this needs the package {show_value(error.name)}", hint=format_install_command("build")
        ) from None
