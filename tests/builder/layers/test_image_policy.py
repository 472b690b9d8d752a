"""The image policy: forbidden content is found in layers, config and history, and named but not shown."""

from __future__ import annotations

import base64
import io
import json
import py_compile
import struct
import tarfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.cache.blobs import PendingBlob
from ovenbird_builder.cache.layer import Layer, compute_key
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import ImagePolicyError
from ovenbird_builder.layers import COMPRESSIONS, image_policy
from ovenbird_builder.layers.image_policy import ImagePolicy
from ovenbird_builder.layers.source import FileContent, make_files_layer
from ovenbird_builder.layers.tar_writer import make_compressor

SECRET = "s3cr3t/value+with=signs"
MiB = 1024 * 1024


def check(layers: Sequence[Layer], config: bytes, manifest: bytes, cache: LayerCache, **policy: Any) -> None:
    image_policy.check_layers(layers, config, manifest, cache, ImagePolicy(**policy))


def check_refused(cache: LayerCache, layers: list[Layer], config: bytes = b"{}", manifest: bytes = b"{}") -> str:
    """Return the refusal of the policy, which never holds the secret."""
    with pytest.raises(ImagePolicyError) as caught:
        check(layers, config, manifest, cache, secrets={"TOKEN": SECRET})
    assert SECRET not in str(caught.value)
    return str(caught.value)


def make_raw_layer(
    cache: LayerCache, files: dict[str, tuple[bytes, int]], name: str = "run", compression: str = "gzip"
) -> Layer:
    """Return a layer as an instruction leaves it: files with their times."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path, (data, mtime) in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mtime = len(data), mtime
            archive.addfile(info, io.BytesIO(data))

    def write(draft: PendingBlob) -> str:
        packer = make_compressor(compression)
        draft.write(packer.compress(plain.getvalue()) + packer.flush())
        return "sha256:" + "0" * 64

    key = compute_key("raw", files=[[p, d.hex(), m] for p, (d, m) in files.items()], compression=compression)
    return cache.make_layer(key, name, COMPRESSIONS[compression][0], write)


def test_an_image_without_fault_passes(cache: LayerCache) -> None:
    """Common files that only look like forbidden ones are let through."""
    names = (".gitignore", ".github/x", "netrc.py", "id_rsa.pub", "pip.config", "docker/config.json", "a.git")
    layer = make_files_layer({f"/shared/{name}": b"x" for name in names}, cache)
    check([layer], b'{"a": "b"}', b"{}", cache, secrets={"TOKEN": SECRET})


@pytest.mark.parametrize(
    "path",
    [
        "/shared/.git/config", "/shared/.git", "/shared/sub/.netrc", "/etc/pip.conf", "/root/.config/pip/pip.conf",
        "/shared/.pypirc", "/root/.docker/config.json", "/shared/keys/id_rsa", "/root/.ssh/id_ed25519",
        "/shared/.git-credentials", "/root/.aws/credentials", "/run/containers/auth.json",
    ],
)  # fmt: skip
def test_a_forbidden_file_is_named(cache: LayerCache, path: str) -> None:
    """The error names the layer and the path."""
    message = check_refused(cache, [make_files_layer({path: b"x"}, cache, name="source")])
    name = path.removesuffix("/config").lstrip("/") if "/.git/" in path else path.lstrip("/")
    assert f"source: {name} has no place" in message


def test_a_whiteout_of_a_forbidden_file_passes(cache: LayerCache) -> None:
    """An instruction that removes the base's pip.conf does no harm."""
    check([make_raw_layer(cache, {"etc/.wh.pip.conf": (b"", 0)})], b"{}", b"{}", cache)


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
@pytest.mark.parametrize("before", [0, 5, 10, 16, MiB - 16, MiB - 10, MiB, MiB + 6, MiB + 16, 3 * MiB - 3])
def test_a_secret_is_found_across_chunks(cache: LayerCache, compression: str, before: int) -> None:
    """A secret is also found across two chunks of a file."""
    data = b"x" * before + SECRET.encode() + b"y" * 100
    message = check_refused(cache, [make_files_layer({"/opt/f": data}, cache, name="numpy 2", compression=compression)])
    assert "numpy 2: opt/f holds the secret TOKEN" in message


@pytest.mark.parametrize(
    "form",
    [
        urllib.parse.quote(SECRET, safe=""),
        *(base64.b64encode(b"u" * n + SECRET.encode() + b":z").decode() for n in range(4)),
        base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_other_forms(cache: LayerCache, form: str) -> None:
    """As a URL has it, and within base64 at any offset, as in an `auth` of a registry."""
    assert "holds the secret TOKEN" in check_refused(
        cache, [make_files_layer({"/f": b"{" + form.encode() + b"}"}, cache)]
    )


def test_a_secret_in_a_name_or_link_is_found(cache: LayerCache) -> None:
    """File names and link targets are read like content."""
    layer = make_raw_layer(cache, {"opt/" + SECRET: (b"", 0)})
    assert "TOKEN" in check_refused(cache, [layer])
    assert "TOKEN" in check_refused(cache, [make_files_layer({"/l": FileContent(link=SECRET)}, cache)])


def test_a_secret_in_config_history_or_manifest_is_found(cache: LayerCache) -> None:
    """An environment value, a command in the history, an annotation; also as JSON escapes it."""
    env = json.dumps({"config": {"Env": [f"URL=https://u:{SECRET}@host"]}}).encode()
    history = json.dumps({"history": [{"created_by": f"RUN curl -H {SECRET}"}]}).encode()
    assert "config and history: holds the secret TOKEN" in check_refused(cache, [], env)
    assert "config and history: holds the secret TOKEN" in check_refused(cache, [], history)
    assert "manifest: holds the secret TOKEN" in check_refused(cache, [], b"{}", env)
    with pytest.raises(ImagePolicyError, match="QUOTED"):
        check([], json.dumps({"a": 'x"y\\zé"long'}).encode(), b"{}", cache, secrets={"QUOTED": 'x"y\\zé"long'})


def test_findings_are_kept_without_the_secret(cache: LayerCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer is read once per set of secrets; the cache holds neither value nor plain digest of it."""
    layer = make_files_layer({"/f": b"x" + SECRET.encode()}, cache)
    check_refused(cache, [layer])
    monkeypatch.setattr(image_policy, "_scan_layer", lambda *_: pytest.fail("the layer was read again"))
    check_refused(cache, [layer])
    monkeypatch.undo()
    check([layer], b"{}", b"{}", cache, secrets={"TOKEN": "something else"})
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in cache.keys.iterdir())
    assert (cache.root / "gate.key").stat().st_mode & 0o777 == 0o600


def test_short_values_are_not_looked_for(cache: LayerCache) -> None:
    """A value of a few letters is found everywhere by chance."""
    check([make_files_layer({"/f": b"admin"}, cache)], b"{}", b"{}", cache, secrets={"USER": "admin"})


def make_pyc(folder: Path, mode: py_compile.PycInvalidationMode) -> bytes:
    """Real bytecode of `x = 1`, whose source has 6 bytes."""
    source = folder / "m.py"
    source.write_text("x = 1\n")
    target = py_compile.compile(str(source), cfile=str(folder / "m.pyc"), invalidation_mode=mode)
    assert target
    data = bytearray(Path(target).read_bytes())
    if mode is py_compile.PycInvalidationMode.TIMESTAMP:
        data[8:12] = struct.pack("<I", 1000)
    return bytes(data)


@pytest.mark.parametrize(("mtime", "source"), [(0, b"x = 1\n"), (1000, b"x = 1 \n")])
def test_stale_bytecode_is_refused(cache: LayerCache, tmp_path: Path, mtime: int, source: bytes) -> None:
    """Timestamp bytecode of a source with another time or size would be compiled again; the hint mends it."""
    data = make_pyc(tmp_path, py_compile.PycInvalidationMode.TIMESTAMP)
    layer = make_raw_layer(cache, {"a/m.py": (source, mtime), "a/__pycache__/m.cpython-312.pyc": (data, 0)})
    message = check_refused(cache, [layer])
    assert "run: the bytecode of a/m.py is stale" in message
    assert "unchecked-hash" in message


def test_bytecode_in_another_layer_than_its_source_is_checked(cache: LayerCache, tmp_path: Path) -> None:
    """An instruction that imports what a lower layer brings leaves bytecode for it."""
    data = make_pyc(tmp_path, py_compile.PycInvalidationMode.TIMESTAMP)
    lower = make_raw_layer(cache, {"a/m.py": (b"x = 1\n", 5)}, "lower")
    upper = make_raw_layer(cache, {"a/__pycache__/m.cpython-312.pyc": (data, 0)}, "upper")
    assert "upper: the bytecode of a/m.py is stale" in check_refused(cache, [lower, upper])


def test_valid_bytecode_passes(cache: LayerCache, tmp_path: Path) -> None:
    """By time with its own source, by time with a source of the base, and by hash."""
    timed = make_pyc(tmp_path, py_compile.PycInvalidationMode.TIMESTAMP)
    hashed = make_pyc(tmp_path, py_compile.PycInvalidationMode.UNCHECKED_HASH)
    layer = make_raw_layer(cache, {
        "a/m.py": (b"x = 1\n", 1000), "a/__pycache__/m.cpython-312.pyc": (timed, 0),
        "base/__pycache__/n.cpython-312.pyc": (timed, 0),
        "b/m.py": (b"x = 1\n", 3), "b/__pycache__/m.cpython-312.pyc": (hashed, 0),
    })  # fmt: skip
    check([layer], b"{}", b"{}", cache)


KEY = (
    "-----BEGIN PRIVATE KEY-----\n" + "".join(f"{letter * 30}1234\n" for letter in "ABC") + "-----END PRIVATE KEY-----"
)


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_single_line_of_a_secret_is_found(cache: LayerCache, line: int) -> None:
    """In any surroundings: another key file, or text in JSON."""
    data = f'{{"part": "{KEY.splitlines()[line]}\\n"}}'.encode()
    with pytest.raises(ImagePolicyError, match="shared/a holds the secret KEY") as caught:
        check([make_files_layer({"/shared/a": data}, cache)], b"{}", b"{}", cache, secrets={"KEY": KEY})
    assert KEY.splitlines()[line] not in str(caught.value)


def test_key_headers_and_short_lines_are_ignored(cache: LayerCache) -> None:
    """Every library that reads keys holds the armor, and any configuration `kind: Config`."""
    secret = f"kind: Config\n{KEY}\nuser: a"
    data = b"kind: Config\nuser: a\n-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
    check([make_files_layer({"/shared/a": data}, cache)], b"{}", b"{}", cache, secrets={"KEY": secret})


def test_a_binary_secret_is_found(cache: LayerCache) -> None:
    """Its bytes count, not what decodes of them."""
    secret = bytes(range(128, 168))
    with pytest.raises(ImagePolicyError, match="holds the secret KEY"):
        check([make_files_layer({"/a": b"x" + secret}, cache)], b"{}", b"{}", cache, secrets={"KEY": secret})


def test_the_files_of_a_wheel_may_be_called_as_they_like(cache: LayerCache) -> None:
    """A dependency's test fixture stops no build; the value of a secret in it does, and the name elsewhere."""
    fixture = make_files_layer(
        {"/usr/lib/x/tests/id_rsa": b"fixture", "/usr/lib/x/tests/.netrc": b"x"}, cache, name="x 1"
    )
    check([fixture], b"{}", b"{}", cache, secrets={"TOKEN": SECRET}, packages={fixture.digest})
    assert "x 1: usr/lib/x/tests/id_rsa has no place" in check_refused(cache, [fixture])
    leak = make_files_layer({"/usr/lib/x/a": SECRET.encode()}, cache)
    with pytest.raises(ImagePolicyError, match="holds the secret TOKEN"):
        check([leak], b"{}", b"{}", cache, secrets={"TOKEN": SECRET}, packages={leak.digest})


def test_a_line_of_a_secret_is_not_looked_for_in_wheels(cache: LayerCache) -> None:
    """A match there would be chance and could not be allowed; layers of instructions are searched."""
    line = KEY.splitlines()[1].encode()
    layer = make_files_layer({"/usr/lib/x/a": line}, cache)
    check([layer], b"{}", b"{}", cache, secrets={"KEY": KEY}, packages={layer.digest})
    with pytest.raises(ImagePolicyError, match="holds the secret KEY"):
        check([layer], b"{}", b"{}", cache, secrets={"KEY": KEY})


def test_an_allowed_name_passes(cache: LayerCache) -> None:
    """A file that `--allow` admits to the source may be in its layer."""
    layer = make_files_layer({"/shared/.netrc": b"x", "/shared/.pypirc": b"x"}, cache)
    with pytest.raises(ImagePolicyError) as caught:
        check([layer], b"{}", b"{}", cache, allowed=lambda path: path == "shared/.netrc")
    assert "shared/.pypirc has no place" in caught.value.message
    assert ".netrc" not in caught.value.message


OLD, NEW = b"x = 1\n", b"x = 2\n"
CACHED = "shared/__pycache__/m.cpython-312.pyc"


def make_unchecked_pyc(
    folder: Path, mode: py_compile.PycInvalidationMode = py_compile.PycInvalidationMode.UNCHECKED_HASH
) -> bytes:
    """Write bytecode of `OLD`, by default unchecked."""
    return make_pyc(folder, mode)


def make_layers(cache: LayerCache, *rows: dict[str, bytes]) -> list[Layer]:
    """Return a layer for each mapping of path to content, from the bottom, called by their numbers."""
    return [
        make_raw_layer(cache, {path: (data, 0) for path, data in row.items()}, f"layer {n}")
        for n, row in enumerate(rows)
    ]


def test_unchecked_bytecode_of_another_source_is_refused(cache: LayerCache, tmp_path: Path) -> None:
    """A later layer that replaces the source leaves the old code running; both layers and the files are named."""
    code = make_unchecked_pyc(tmp_path)
    layers = make_layers(cache, {"shared/m.py": OLD, CACHED: code}, {"shared/m.py": NEW})
    message = check_refused(cache, layers)
    assert f"layer 1: shared/m.py is not what {CACHED} of layer 0 was compiled from" in message
    assert check_refused(cache, layers) == message


def test_unchecked_bytecode_within_a_layer_is_compared(cache: LayerCache, tmp_path: Path) -> None:
    """A file that an instruction has compiled and then changed."""
    assert "shared/m.py is not what" in check_refused(
        cache, make_layers(cache, {"shared/m.py": NEW, CACHED: make_unchecked_pyc(tmp_path)})
    )


def test_unchecked_bytecode_of_a_lower_source_is_compared(cache: LayerCache, tmp_path: Path) -> None:
    """An instruction that compiles what an earlier layer brought."""
    code = make_unchecked_pyc(tmp_path)
    assert "layer 0: shared/m.py" in check_refused(cache, make_layers(cache, {"shared/m.py": NEW}, {CACHED: code}))
    check(make_layers(cache, {"shared/m.py": OLD}, {CACHED: code}), b"{}", b"{}", cache)


HIDDEN = ("shared/__pycache__/.wh.m.cpython-312.pyc", "shared/.wh.__pycache__", "shared/__pycache__/.wh..wh..opq")


@pytest.mark.parametrize("whiteout", HIDDEN)
def test_bytecode_that_a_layer_hides_is_fine(cache: LayerCache, tmp_path: Path, whiteout: str) -> None:
    """The file alone, its folder, or all that was in its folder."""
    code = make_unchecked_pyc(tmp_path)
    check(
        make_layers(cache, {"shared/m.py": OLD, CACHED: code}, {"shared/m.py": NEW, whiteout: b""}), b"{}", b"{}", cache
    )


def test_bytecode_that_does_no_harm_passes(cache: LayerCache, tmp_path: Path) -> None:
    """The same source again, a removed source, bytecode that is checked or that a later layer replaces."""
    code, checked = (
        make_unchecked_pyc(tmp_path),
        make_unchecked_pyc(tmp_path, py_compile.PycInvalidationMode.CHECKED_HASH),
    )
    below = {"shared/m.py": OLD, CACHED: code}
    for upper in ({"shared/m.py": OLD}, {"shared/.wh.m.py": b""}, {"shared/m.py": NEW, CACHED: checked}):
        check(make_layers(cache, below, upper), b"{}", b"{}", cache)


def test_layers_of_wheels_are_not_read_for_another_part_of_the_image(
    cache: LayerCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source below /shared has nothing to do with bytecode below /usr; it costs no second reading."""
    code = make_unchecked_pyc(tmp_path)
    layers = make_layers(
        cache, {"usr/lib/m.py": OLD, "usr/lib/__pycache__/m.cpython-312.pyc": code}, {"shared/m.py": NEW}
    )
    monkeypatch.setattr("ovenbird_builder.layers.stale_bytecode.look", lambda *_: pytest.fail("a layer was read again"))
    check(layers, b"{}", b"{}", cache, packages={layers[0].digest})


def test_a_source_that_replaces_a_file_of_a_wheel_is_compared(cache: LayerCache, tmp_path: Path) -> None:
    """Any kind of layer that writes into the same folder counts."""
    code = make_unchecked_pyc(tmp_path)
    layers = make_layers(cache, {"shared/m.py": OLD, CACHED: code}, {"shared/m.py": NEW})
    with pytest.raises(ImagePolicyError, match=r"layer 1: shared/m\.py is not what"):
        check(layers, b"{}", b"{}", cache, packages={layers[0].digest})
