"""What must not leave: stale bytecode, secret values, and files that have no place in an image.

Each layer is read once per set of secrets; what was found is kept under its digest. Secrets are known to the cache by
an HMAC under a key of this machine only, so the cache tells nobody whether a guess is right.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import posixpath
import re
import tarfile
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO

from msgspec import Struct

from ovenbird.common.redact import make_redactor

from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from ..errors import ImagePolicyError
from .layer_tar import read_tar
from .stale_bytecode import find_source, find_stale, get_top_folder, is_unchecked

_VERSION = 3
_AT_ONCE = os.cpu_count() or 1
_CHUNK = 1024 * 1024
SHORTEST = 6  # bytes: shorter values are found everywhere by chance
SHORTEST_LINE = 20  # bytes: of a secret of several lines; shorter ones are such as `kind: Config`
_MOST_LINES = 256  # each one costs a search of each layer
_ARMOR = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]+-----|---- (BEGIN|END) [A-Z0-9 ]+ ----")
_FORBIDDEN = re.compile(
    r"""(^|/)(
        \.git | \.hg | \.svn |
        \.netrc | _netrc | \.git-credentials | \.pypirc | \.?pip\.conf | pip/pip\.ini |
        \.docker/config\.json | \.dockercfg | containers/auth\.json | \.aws/credentials |
        \.config/gcloud/application_default_credentials\.json | \.kube/config |
        id_(rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk)
    )(/|$)""",
    re.VERBOSE,
)


class LayerScan(Struct, frozen=True):
    """What one reading of a layer tells. Times in seconds, sizes in bytes."""

    forbidden: tuple[str, ...]
    secret: tuple[tuple[str, str], ...]  # path, name of the secret
    timed: tuple[tuple[str, int, int], ...]  # bytecode by time: path of its source, its time and size
    unchecked: tuple[str, ...]  # top folders that hold bytecode which Python does not check
    python: tuple[str, ...]  # top folders that hold Python files


class ImagePolicy(Struct, frozen=True):
    """What is looked for in an image beside what has no place in any, and what is let through.

    `secrets` are values by the names that an error may show; values shorter than `SHORTEST` are not looked for. Of a
    value of several lines each line is looked for as well, from `SHORTEST_LINE`. `packages` are the digests of layers
    that hold wheels alone: files for their tests may be called as they like, and a line of a secret would be in them by
    chance only. `allowed` says of a path in the image, without a slash at its start, whether it may have its name.
    """

    secrets: Mapping[str, str | bytes] = {}
    packages: Set[str] = frozenset()
    allowed: Callable[[str], bool] | None = None


def check_layers(
    layers: Sequence[Layer], config: bytes, manifest: bytes, cache: LayerCache, policy: ImagePolicy
) -> None:
    """Refuse an image that must not leave. `layers` are ours, from the bottom; the base's are not looked at.

    Errors: ImagePolicyError naming layer and path of everything that was found.
    """
    packages, allowed = policy.packages, policy.allowed
    texts = {name: value if isinstance(value, bytes) else value.encode() for name, value in policy.secrets.items()}
    values = {name: value for name, value in texts.items() if len(value) >= SHORTEST}
    secret_names = {form: name for name, value in sorted(values.items()) for form in _encode_forms(value)}
    forms = {**{line: name for name, value in sorted(values.items()) for line in _list_lines(value)}, **secret_names}
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # most of reading a layer is to unpack it, which threads do side by side
        results = pool.map(
            lambda layer: _scan_once(layer, values, secret_names if layer.digest in packages else forms, cache), layers
        )
        facts = {layer.digest: layer_facts for layer, layer_facts in zip(layers, results, strict=True)}
    problems = [
        problem
        for layer in layers
        for problem in (
            *(
                f"{layer.name}: {path} has no place in an image"
                for path in facts[layer.digest].forbidden
                if layer.digest not in packages and not (allowed and allowed(path))
            ),
            *(f"{layer.name}: {path} holds the secret {name}" for path, name in facts[layer.digest].secret),
        )
    ]
    problems += _find_stale_by_time(layers, facts, cache)
    tops = [(set(facts[layer.digest].unchecked), set(facts[layer.digest].python)) for layer in layers]
    problems += find_stale(
        layers,
        packages,
        [name for name, _ in tops],
        [name for _, name in tops],
        cache,
        lambda layer: _open_tar(layer, cache),
    )
    for label, data in (("config and history", config), ("manifest", manifest)):
        # JSON writes quotes and backslashes otherwise than the value has them
        text = data + b"\n" + "\n".join(_iter_strings(json.loads(data))).encode("utf-8", "surrogatepass")
        problems += sorted(
            {f"the image's {label}: holds the secret {name}" for form, name in forms.items() if form in text}
        )
    if problems:
        listing = "\n  ".join(problems[:20]) + (f"\n  and {len(problems) - 20} more" if len(problems) > 20 else "")
        hide = make_redactor(
            form.decode("utf-8", "surrogateescape") for form in forms
        )  # layers are called by their commands
        raise ImagePolicyError(
            f"the image violates the publishing policy:\n  {hide(listing)}", hint=_suggest_remedy(problems)
        )


def _suggest_remedy(problems: Sequence[str]) -> str:
    if all(" is not what " in problem for problem in problems):
        return "remove that bytecode where it is made, or let the instruction that makes it run `after: source`"
    if all(" is stale: " in problem for problem in problems):
        return "end the instruction with `&& python -m compileall -q -f --invalidation-mode unchecked-hash FOLDER`"
    return "keep these out of the source, and give secrets to instructions by `secrets:`"


def _scan_once(layer: Layer, values: Mapping[str, bytes], forms: Mapping[bytes, str], cache: LayerCache) -> LayerScan:
    salt = cache.read_salt("gate.key")
    marks = [[name, hmac.new(salt, value, hashlib.sha256).hexdigest()] for name, value in sorted(values.items())]
    key = compute_key("gate", version=_VERSION, layer=layer.digest, secrets=marks, searched=len(forms))
    record = cache.recall(key)
    if record is not None:
        return LayerScan(
            tuple(record[0]),
            tuple(map(tuple, record[1])),
            tuple(map(tuple, record[2])),
            tuple(record[3]),
            tuple(record[4]),
        )
    contents = _scan_layer(layer, forms, cache)
    rows = [contents.forbidden, contents.secret, contents.timed, contents.unchecked, contents.python]
    cache.note(key, rows, f"gate of {layer.name}")
    return contents


def _scan_layer(layer: Layer, forms: Mapping[bytes, str], cache: LayerCache) -> LayerScan:
    forbidden: list[str] = []
    secret: set[tuple[str, str]] = set()
    timed: list[tuple[str, int, int]] = []
    unchecked: set[str] = set()
    python: set[str] = set()
    hide = make_redactor(form.decode("utf-8", "surrogateescape") for form in forms)
    with _open_tar(layer, cache) as archive:
        for info in archive:
            path = posixpath.normpath(info.name).lstrip("/")
            name = hide(path)
            match = _FORBIDDEN.search(name)
            if match and not posixpath.basename(name).startswith(".wh."):
                forbidden.append(name[: match.end()].rstrip("/"))
            words = "\n".join((info.name, info.linkname)).encode("utf-8", "surrogateescape")
            secret |= {(name, label) for form, label in forms.items() if form in words}
            if path.endswith(".py"):
                python.add(get_top_folder(path))
            if info.isreg():
                file = archive.extractfile(info)
                assert file
                head = file.read(16)
                if name.endswith(".pyc"):
                    timed += _find_timed_source(path, head)
                    unchecked |= {get_top_folder(path)} if is_unchecked(head) else set()
                secret |= {(name, label) for label in _scan(head, file, forms)}
    return LayerScan(tuple(dict.fromkeys(forbidden)), tuple(sorted(secret)), tuple(timed), tuple(sorted(unchecked)),
                  tuple(sorted(python)))  # fmt: skip


def _scan(head: bytes, file: IO[bytes], forms: Mapping[bytes, str]) -> Iterator[str]:
    """Yield the names of the secrets in a stream; what lies across two pieces is found too."""
    if not forms:
        return
    overlap = max(map(len, forms)) - 1
    data = head + file.read(_CHUNK)
    while data:
        for form, name in forms.items():
            if form in data:
                yield name
        more = file.read(_CHUNK)
        data = data[-overlap:] + more if more else b""


def _encode_forms(value: bytes) -> set[bytes]:
    """Return the forms of a secret: as it is, as URLs write it, and as base64 does at each of its three offsets."""
    forms = {value, urllib.parse.quote_from_bytes(value, safe="").encode(), urllib.parse.quote_plus(value).encode()}
    for offset in range(3):
        # only the characters that come from the value alone: those at its ends mix with its neighbours
        text = base64.b64encode(b"\0" * offset + value)
        start, end = -(-offset * 8 // 6), (offset + len(value)) * 8 // 6
        if end - start >= 2 * SHORTEST:
            forms |= {text[start:end], text[start:end].replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def _list_lines(value: bytes) -> list[bytes]:
    """Return the lines by which a secret is recognised. The frame of a key is not: libraries that read keys have it."""
    lines = [line.strip() for line in value.splitlines()]
    long = [line for line in dict.fromkeys(lines) if len(line) >= SHORTEST_LINE and not _ARMOR.fullmatch(line)]
    return long[:_MOST_LINES] if len(lines) > 1 else []


def _find_timed_source(path: str, head: bytes) -> list[tuple[str, int, int]]:
    """Return the source that bytecode asks for by time and size; nothing for bytecode by hash, or without a source."""
    if len(head) < 16 or int.from_bytes(head[4:8], "little") & 1:
        return []
    source = find_source(path)
    if not source:
        return []
    return [(source, int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little"))]


def _find_stale_by_time(layers: Sequence[Layer], facts: Mapping[str, LayerScan], cache: LayerCache) -> list[str]:
    """Return bytecode by time that does not fit its source; a source in the base has the time that it always had."""
    if not any(layer_facts.timed for layer_facts in facts.values()):
        return []
    sources: dict[str, tuple[int, int]] = {}
    for layer in layers:
        with _open_tar(layer, cache) as archive:
            sources |= {
                posixpath.normpath(info.name).lstrip("/"): (int(info.mtime) & 0xFFFFFFFF, info.size & 0xFFFFFFFF)
                for info in archive
                if info.name.endswith(".py")
            }
    return [
        f"{layer.name}: the bytecode of {source} is stale: it would be compiled anew at each start"
        for layer in layers
        for source, mtime, size in facts[layer.digest].timed
        if sources.get(source, (mtime, size)) != (mtime, size)
    ]


@contextmanager
def _open_tar(layer: Layer, cache: LayerCache) -> Iterator[tarfile.TarFile]:
    with cache.locate_blob(layer.digest).open("rb") as file, read_tar(file, layer.media_type, layer.name) as archive:
        yield archive


def _iter_strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _iter_strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _iter_strings(item)
