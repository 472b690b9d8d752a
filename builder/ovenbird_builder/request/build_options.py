"""The options of a build in one table: each is a flag, a variable of the environment, and an argument of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ovenbird.common.text import show_value

from ..errors import BuildRequestError

# options whose variable was also one of the runtime, and what the value of that begins with, or is
_FORMER: dict[str, tuple[str, ...]] = {"tag": ("{",), "platform": ("core", "local", "auto"), "timeout": ()}


class FlagSpec(Struct, frozen=True):
    """One flag: `many` may be repeated (its variable holds one per line), `switch` takes no value.

    With `commas` the variable may hold several in a line. `default` is what a switch is where nobody says.
    """

    name: str
    metavar: str
    doc: str
    many: bool = False
    switch: bool = False
    verbs: tuple[str, ...] = ("build", "bundle")
    default: bool = False
    commas: bool = False

    @property
    def separators(self) -> str:
        """Return the separator of the variable's values, for people; empty where it holds one value."""
        return ("one per line" + " or with commas" * self.commas) if self.many else ""

    @property
    def flag(self) -> str:
        """Return `--cache-dir`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Return `OVENBIRD_CACHE_DIR`; `OVENBIRD_BUILD_TAG` where the runtime has a setting of the same name."""
        return ("OVENBIRD_BUILD_" if self.name in _FORMER else "OVENBIRD_") + self.name.upper()

    @property
    def former_variable(self) -> str:
        """Return the former name of the variable, which belongs to the runtime now; empty if there is none."""
        return "OVENBIRD_" + self.name.upper() if self.name in _FORMER else ""


_BUILD = ("build",)
_ALSO_LOCK = ("build", "bundle", "lock")
TABLE = (
    FlagSpec("tag", "REF", "name of the image, in which {name} is the function's; repeat for more", many=True,
           verbs=_BUILD),
    FlagSpec("python", "X.Y", "version of Python; default: the document's, else 3.12", verbs=_ALSO_LOCK),
    FlagSpec("base", "REF", "image to build on; default: the document's base_image, else the one of the version",
           verbs=_ALSO_LOCK),
    FlagSpec("registry", "HOST[/PATH]", "mirror of Docker Hub, for the base where `ovenbird base build` has made none",
           verbs=_ALSO_LOCK),
    FlagSpec("source", "DIR", "folder of the code, in place of what the target says", verbs=_ALSO_LOCK),
    FlagSpec("requirement", "SPEC", "a dependency beside those found; repeat for more", many=True, verbs=_ALSO_LOCK),
    FlagSpec("requirements", "FILE", "a requirements.txt in place of the one found; repeat for more", many=True,
           verbs=_ALSO_LOCK),
    FlagSpec("constraints", "FILE", "versions that limit what is locked; repeat for more", many=True, verbs=_ALSO_LOCK),
    FlagSpec("extra", "NAME", "an extra of the project's own pyproject.toml; repeat for more", many=True,
           verbs=_ALSO_LOCK),
    FlagSpec("index_url", "URL", "the package index in place of PyPI", verbs=_ALSO_LOCK),
    FlagSpec("extra_index_url", "URL", "a further package index; repeat for more", many=True, verbs=_ALSO_LOCK),
    FlagSpec("instruction", "TEXT", "a command to run as root, or a JSON object of its fields; repeat", many=True),
    FlagSpec("secret", "NAME=ENV|FILE", "a secret that an instruction may ask for; repeat for more", many=True),
    FlagSpec("locker", "pip-tools|uv", "what makes the lock where there is none", verbs=_ALSO_LOCK),
    FlagSpec("platform", "OS/ARCH", "linux/amd64, linux/arm64; several, with commas, make an index"),
    FlagSpec("push", "", "push the tags to their registries", switch=True, verbs=_BUILD),
    FlagSpec("output", "PLACE", "store, registry, oci:DIR, oci-archive:FILE or docker-archive:FILE; repeat",
           many=True, verbs=_BUILD),
    FlagSpec("cache_dir", "DIR", "where blobs, wheels and answers are kept; default: ~/.cache/ovenbird",
           verbs=_ALSO_LOCK),
    FlagSpec("ca_bundle", "FILE", "certificate authorities of the site, as PEM", verbs=_ALSO_LOCK),
    FlagSpec("allow_host", "HOST", "a further host that submodules and LFS files may come from; repeat for more",
           many=True, commas=True, verbs=_ALSO_LOCK),
    FlagSpec("allow", "PATH", "a file of the source, or a pattern, that may hold what looks like a secret; repeat",
           many=True, commas=True),
    FlagSpec("label", "NAME=VALUE", "a label of the image's config, over what the function says; repeat", many=True),
    FlagSpec("annotation", "NAME=VALUE", "an annotation of the image's manifest; repeat for more", many=True),
    FlagSpec("slim", "", "leave tests, headers, sources, stubs and symbols of packages out of the image", switch=True),
    FlagSpec("slim_keep", "NAME", "a package that keeps all of its files with --slim; repeat for more", many=True,
             commas=True),
    FlagSpec("authfile", "FILE", "credentials for registries, in the form of auth.json"),
    FlagSpec("creds_file", "FILE", "a file that holds USER:PASSWORD for the registries of the tags", verbs=_BUILD),
    FlagSpec("compression", "zstd|gzip", "of new layers; gzip is for Docker before 23"),
    FlagSpec("timeout", "DURATION", "time limit of each step that fetches or runs something; 0 is none; default: 1h"),
    FlagSpec("offline", "", "fetch nothing: what is not in the cache or the bundle is an error", switch=True),
    FlagSpec("bundle", "FILE", "a file made by `ovenbird bundle` that brings what is needed", verbs=_BUILD),
    FlagSpec("result_file", "FILE", "write the result, as JSON, to a file too; - is stdout", verbs=_BUILD),
    FlagSpec("dotenv_file", "FILE", "write IMAGE, IMAGE_DIGEST and IMAGE_REFERENCE to a file, for GitLab's reports",
           verbs=_BUILD),
    FlagSpec("dry_run", "", "print the plan and do nothing", switch=True, verbs=_BUILD),
    FlagSpec("list", "", "print what of the source would be packed, with sizes, and do nothing", switch=True,
           verbs=_BUILD),
    FlagSpec("explain", "", "say for each layer why it is rebuilt, and what of the source is left out", switch=True,
           verbs=_BUILD),
    FlagSpec("check", "", "load the function in the image before that goes anywhere; on, --no-check turns it off",
           switch=True, verbs=_BUILD, default=True),
    FlagSpec("strict", "", "refuse a function document with a field that nothing reads", switch=True),
    FlagSpec("write_back", "", "set spec.image of the function document to what was pushed", switch=True, verbs=_BUILD),
    FlagSpec("out", "FILE", "the bundle to write; - is stdout", verbs=("bundle",)),
)  # fmt: skip


def read_options(values: Mapping[str, Any], environ: Mapping[str, str], verb: str = "") -> dict[str, Any]:
    """Return all options by name: the value, else that of the variable, else nothing (empty text, (), False).

    With a `verb`, those of that verb alone.

    A value that is None, or missing, is not given. Errors: BuildRequestError for a switch whose variable is neither
    true nor false.
    """
    options: dict[str, Any] = {}
    notes = []
    for option in TABLE:
        if verb and verb not in option.verbs:
            continue
        value = values.get(option.name)
        text = environ.get(option.variable, "")
        if value is None and not text and (text := _read_former(option, environ)):
            notes.append(f"`{option.former_variable}` is still read for a build; call it `{option.variable}`")
        if option.switch:
            options[option.name] = _parse_switch(option, text) if value is None else bool(value)
        elif option.many:
            text = text.replace(",", "\n") if option.commas else text
            lines = tuple(line.strip() for line in text.splitlines() if line.strip())
            options[option.name] = lines if value is None else tuple(value)
        else:
            options[option.name] = text if value is None else value
    return {**options, "notes": tuple(notes)}


def _read_former(option: FlagSpec, environ: Mapping[str, str]) -> str:
    """Return the value of an option's former variable; empty where the runtime has its own use for that variable."""
    text = environ.get(option.former_variable, "") if option.former_variable else ""
    return "" if text.lstrip().startswith(_FORMER.get(option.name, ()) or ("\0",)) else text


def _parse_switch(option: FlagSpec, text: str) -> bool:
    word = text.strip().lower()
    if not word:
        return option.default
    if word in ("0", "false", "no", "off"):
        return False
    if word in ("1", "true", "yes", "on"):
        return True
    raise BuildRequestError(f"{option.variable}: expected `true` or `false`, found {show_value(text)}")
