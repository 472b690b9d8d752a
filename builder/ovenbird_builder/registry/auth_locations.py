"""Where logins for registries are looked for, as podman, buildah, skopeo and docker keep them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ovenbird.common.user_folders import find_config_folder, find_home


def find_auth_files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files in the order of containers-auth.json(5), whether they exist or not; the first login counts.

    `REGISTRY_AUTH_FILE` stands in place of all of them.
    """
    if named := environ.get("REGISTRY_AUTH_FILE"):
        return [Path(named)]
    runtime = environ.get("XDG_RUNTIME_DIR")
    home, config = find_home(environ), find_config_folder(environ)
    docker = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else home and home / ".docker"
    return [
        Path(runtime or f"/run/containers/{os.getuid()}", "containers/auth.json" if runtime else "auth.json"),
        *([config / "containers" / "auth.json"] if config else []),
        *([docker / "config.json"] if docker else []),
    ]
