"""Where the local store keeps the layers of an image, unpacked: what containers/storage writes for itself.

Its public ways (`buildah from`, `mount`, `rm`) take three processes, a quarter of a build with an edited source. Who
asks here has a public way for when the answer is None: another driver, another format, a layer that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import DecodeError
from msgspec.json import Decoder

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..containers import buildah
from ..host import process

# what says where the store is; a path that is out of date only leads to layers that are not there
_VARIABLES = ("CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME")
_CONFIGS = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")


def find_root(cache: LayerCache, environ: Mapping[str, str], *, again: bool = False) -> Path | None:
    """Return the folder of the store where its driver is overlay; asked once, or `again`. None for any other."""
    name = compute_key(
        "store", variables={name: environ.get(name, "") for name in _VARIABLES}, files=_stamp_configs(environ)
    )
    store = None if again else cache.recall(name)
    if store is None:
        result = process.run(buildah.info(), env=environ, check=False)
        try:
            rows = json.loads(result.stdout)["store"]
            store = [str(rows["GraphDriverName"]), str(rows["GraphRoot"])]
        except (ValueError, KeyError, TypeError):
            return None
        cache.note(name, store, "where the local store is")
    return Path(store[1]) if store[0] == "overlay" else None


def _stamp_configs(environ: Mapping[str, str]) -> list[str]:
    paths = [Path(name) for name in (environ.get("CONTAINERS_STORAGE_CONF", ""), *_CONFIGS) if name]
    return [f"{path.stat().st_size} {path.stat().st_mtime_ns}" if path.is_file() else "" for path in paths]


def find_layers(root: Path, diff_ids: Sequence[str]) -> list[str]:
    """Return the folders below `root`/overlay of the first layers of an image, as many as the store has.

    Each is the short link that the driver mounts it by, `l/NAME`.
    """
    try:
        rows = Decoder(list[dict[str, object]]).decode((root / "overlay-layers" / "layers.json").read_bytes())
        ids = {(row.get("parent", ""), row.get("diff-digest", "")): str(row["id"]) for row in rows}
        links: list[str] = []
        parent = ""
        for diff_id in diff_ids:
            parent = ids.get((parent, diff_id), "")
            if not parent:
                break
            link = f"l/{(root / 'overlay' / parent / 'link').read_text().strip()}"
            if not (root / "overlay" / link).is_dir():
                break
            links.append(link)
    except (OSError, ValueError, KeyError, DecodeError):
        return []
    return links
