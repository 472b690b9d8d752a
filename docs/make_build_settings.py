"""Write docs/build-settings.md from the tables of the builder. `make docs` runs this; a test holds the page to it."""

from __future__ import annotations

import sys
from pathlib import Path

from ovenbird_builder.request.build_options import TABLE, FlagSpec

_INTRO = """# Settings of a build

Every flag of `ovenbird build` and `ovenbird bundle` is also a variable.
`ovenbird lock` reads those that name it below, so that a lock fits the build beside the same variables.
`ovenbird lock --check` takes a base from its flag alone, as it needs no container engine.
A flag wins over the variable.
A flag that may be repeated is a variable of several lines.
`OVENBIRD_ALLOW` and `OVENBIRD_ALLOW_HOST` take commas as well.
A switch takes `true` or `false` as a variable, and is turned around by `--no-`: `--no-push`.
`OVENBIRD_BUILD_TAG`, `OVENBIRD_BUILD_PLATFORM` and `OVENBIRD_BUILD_TIMEOUT` are not called as their flags.
The runtime has settings of these names.
`OVENBIRD_TAG`, `OVENBIRD_PLATFORM` and `OVENBIRD_TIMEOUT` are still read where these are not set, with a note.

This page is made from `builder/ovenbird_builder/request/build_options.py` by `make docs`.

| flag | variable | verbs | meaning |
|---|---|---|---|
"""
_MORE = """
## Variables without a flag

| variable | meaning |
|---|---|
| `SOURCE_DATE_EPOCH` | the time in the image, in seconds since 1970; default: the commit's, else 0 |
| `OVENBIRD_SOURCE_LIMIT`, `OVENBIRD_SOURCE_FILES` | how large a source may be: 1 GiB, 100000 files |
| `GIT_TOKEN`, or `GIT_USERNAME` and `GIT_PASSWORD` | credentials of a git source, beside `.netrc` and git's helpers |
| `AWS_...` | credentials, region and endpoint of an S3 source |
| `SSL_CERT_FILE`, `PIP_CERT` | the site's certificates, where neither `--ca-bundle` nor its variable names them |
| `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, `ALL_PROXY` | the proxy of all that fetches; its password is kept hidden |
| `REGISTRY_AUTH_FILE` | credentials of registries, as for skopeo and podman |
| `BUILDAH_ISOLATION`, `CONTAINERS_CONF`, `CONTAINERS_STORAGE_CONF` | those of buildah, which runs instructions |

No other variable reaches a step: the caller's configuration of pip is not used.
"""


def page() -> str:
    """Return the whole page."""
    return _INTRO + "".join(_line(option) for option in TABLE) + _MORE


def _line(option: FlagSpec) -> str:
    metavar = f" {option.metavar}".replace("|", "\\|") if option.metavar else ""
    flag = "-o" if option.name == "out" else option.flag
    return f"| `{flag}{metavar}` | `{option.variable}` | {', '.join(option.verbs)} | {option.doc} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
