"""Layers on real bases: what was installed into a tar runs, is complete for pip, and is the same each time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.engine import AVAILABLE, skopeo
from tests.wheels import Wheel, wheel

from ovenbird_builder.bases import probe
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers import make_scheme
from ovenbird_builder.layers.bytecode import compile_wheels
from ovenbird_builder.layers.image_manifest import ConfigChanges, predict_image, store_image, write_layout
from ovenbird_builder.layers.image_policy import ImagePolicy, check_layers
from ovenbird_builder.layers.runtime_layers import CHANGES, make_runtime_layers, make_runtime_wheels
from ovenbird_builder.layers.wheel_layers import WheelSet, make_wheel_layers

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("container_env")]


@dataclass(frozen=True)
class Base:
    """A stand-in in the cache and in the store, and what its Python is."""

    image: str
    cache: LayerCache
    manifest: bytes
    config: bytes
    interpreter: probe.TargetPython

    def build(self, name: str, layers: tuple[Layer, ...], changes: ConfigChanges | None = None) -> str:
        """Return an image of these layers in the store; its name."""
        image = store_image(
            predict_image(self.manifest, self.config, layers, changes or ConfigChanges(), {}, 0), self.cache
        )
        policy = ImagePolicy(secrets={"NOTHING": "a value that is nowhere"})
        check_layers(layers, image.config, image.manifest, self.cache, policy)
        folder = write_layout(self.cache, name, image.manifest, "x")
        reference = f"localhost/layers-{name}:test"
        shared = str(self.cache.blobs)
        skopeo("copy", "--quiet", "--src-shared-blob-dir", shared, f"oci:{folder}:x", f"containers-storage:{reference}")
        return reference

    def layers(self, wheels: list[Wheel], cache: LayerCache | None = None) -> tuple[Layer, ...]:
        identity = "sha256:" + "0" * 64
        return make_wheel_layers(WheelSet(wheels, self.interpreter, identity), self.image, cache or self.cache)


@pytest.fixture(scope="module")
def bases(standins: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Base]]:
    """The stand-in of a version in a cache of its own, which the tests of this module share."""
    loaded: dict[str, Base] = {}

    def load(version: str) -> Base:
        if version not in loaded:
            loaded[version] = load_base(standins[version], LayerCache(tmp_path_factory.mktemp("cache")))
        return loaded[version]

    yield load
    for base in loaded.values():
        base.cache.close()


@pytest.fixture
def base(request: pytest.FixtureRequest, bases: Callable[[str], Base]) -> Base:
    return bases(getattr(request, "param", "3.12"))


def load_base(image: str, cache: LayerCache) -> Base:
    folder = cache.layouts / "base"
    folder.mkdir()
    copy = ("copy", "--quiet", "--dest-shared-blob-dir", str(cache.blobs), "--src-tls-verify=false")
    skopeo(*copy, f"docker://{image}", f"oci:{folder}:x")
    digest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
    manifest = cache.read(digest)
    assert manifest
    config = cache.read(json.loads(manifest)["config"]["digest"])
    assert config
    return Base(image, cache, manifest, config, probe.probe_python(image, cache=cache.root))


def run_inside(image: str, *command: str, flags: tuple[str, ...] = ("--read-only",)) -> str:
    """Run a command in a container without network; what it printed."""
    argv = ["podman", "run", "--rm", "--network=none", *flags, image, *command]
    process = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout


def make_wheels(folder: Path) -> list[Wheel]:
    """Two wheels, one that is heavy, with a script, data and modules."""
    import json as library

    root = Path(library.__file__).parent
    modules = {f"heavy/{path.name}": path.read_bytes() for path in sorted(root.glob("*.py"))}
    return [
        wheel(
            folder, "heavy", files={**modules, "heavy/data.bin": b"\0" * 2_000_000, "heavy/bad.py": "{% no python %}"},
            scripts={"heavy-tool": "heavy.decoder:JSONDecoder"},
        ),
        wheel(folder, "small", files={"small.py": "def where():\n    return __file__\n"}),
    ]  # fmt: skip


_ABOUT = """
import importlib, importlib.util, json, sys
import heavy.decoder, small
loaded = {name: sys.modules[name].__cached__ for name in ("heavy", "heavy.decoder", "small")}
import importlib.metadata as m
from pathlib import Path
flags = {name: Path(path).read_bytes()[4] for name, path in loaded.items()}
code = small.where.__code__.co_filename
missing = [str(f) for name in ("heavy", "small") for f in m.files(name) if not f.locate().exists()]
print(json.dumps({"flags": flags, "code": code, "file": small.__file__, "missing": missing}))
"""


@pytest.mark.parametrize("base", AVAILABLE, indirect=True)
def test_installed_wheels_run_and_are_complete(base: Base, tmp_path: Path) -> None:
    """On every Python at hand: bytecode is used without a check, all of RECORD is there, pip finds no fault."""
    image = base.build("run", base.layers(make_wheels(tmp_path)))
    shell = 'command -v heavy-tool && exec "$0" -v -c "$1"'
    argv = ["podman", "run", "--rm", "--network=none", image, "sh", "-c", shell, base.interpreter.executable, _ABOUT]
    process = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == 0, process.stderr[-2000:]
    tool, about = process.stdout.splitlines()
    assert tool == f"{base.interpreter.scripts}/heavy-tool"
    facts = json.loads(about)
    assert set(facts["flags"].values()) == {1}
    assert facts["code"] == facts["file"] == f"{base.interpreter.purelib}/small.py"
    assert facts["missing"] == []
    lines = [line for line in process.stderr.splitlines() if base.interpreter.purelib in line]
    assert [line for line in lines if "matches" in line]
    assert not [line for line in lines if "wrote" in line or "stale" in line]


def test_two_caches_give_the_same_digest(base: Base, tmp_path: Path) -> None:
    """Another cache, another order of the wheels, one job instead of two: the same layers, bit for bit."""
    wheels = make_wheels(tmp_path)
    first = base.layers(wheels)
    other = LayerCache(tmp_path / "other")
    compile_wheels(wheels[::-1], make_scheme(base.interpreter), base.interpreter, base.image, other, jobs=1)
    assert base.layers(wheels[::-1], other) == first
    assert len(first) == 2
    other.close()


def test_a_second_build_starts_no_container(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All layers are found by their keys; with a wheel more, only its layer is made."""
    wheels = make_wheels(tmp_path)
    first = base.layers(wheels)
    monkeypatch.setenv("PATH", "/nowhere")
    again = base.layers(wheels)
    assert again == first
    assert all(layer.cached for layer in again)
    monkeypatch.undo()
    more = base.layers([*wheels, wheel(tmp_path, "third", files={"third.py": ""})])
    assert [layer.name for layer in more if not layer.cached] in (["third 1.0"], ["small 1.0, third 1.0"])


def test_a_package_of_the_base_is_replaced(base: Base, tmp_path: Path, registry: str) -> None:
    """A newer version takes the place of the base's: no file of the old one, no second metadata; pip can remove it."""
    old = wheel(
        tmp_path / "old", "thing",
        files={"thing/__init__.py": "v = 1\n", "thing/gone.py": "", "thing/sub/deep.py": "", "thing_extra.py": ""},
        scripts={"thing-old": "thing:main"},
    )  # fmt: skip
    reference = f"{registry}/layers/displaced:1"
    first = store_image(
        predict_image(base.manifest, base.config, base.layers([old]), ConfigChanges(), {}, 0), base.cache
    )
    folder = write_layout(base.cache, "old", first.manifest, "x")
    copy = ("copy", "--quiet", "--src-shared-blob-dir", str(base.cache.blobs), "--dest-tls-verify=false")
    skopeo(*copy, f"oci:{folder}:x", f"docker://{reference}")
    other_base = load_base(reference, LayerCache(tmp_path / "second"))
    assert other_base.interpreter.distributions["thing"] == "1.0"
    new = wheel(tmp_path / "new", "thing", "2.0", files={"thing/__init__.py": "v = 2\n", "thing/new.py": ""})
    layers = other_base.layers([new, wheel(tmp_path, "small", files={"small.py": ""})])
    assert layers[0].name == "without the base's thing"
    image = other_base.build("displaced", layers)
    site, python = other_base.interpreter.purelib, other_base.interpreter.executable
    listed = run_inside(image, "find", site, f"{other_base.interpreter.scripts}/", "-name", "*thing*").split()
    assert sorted(listed) == [f"{site}/thing", f"{site}/thing-2.0.dist-info"]
    assert sorted(run_inside(image, "find", f"{site}/thing", "-type", "f").split()) == sorted(
        f"{site}/thing/{name}" for name in (
            "__init__.py", "new.py",
            f"__pycache__/__init__.{read_tag(other_base)}.pyc", f"__pycache__/new.{read_tag(other_base)}.pyc",
        )
    )  # fmt: skip
    script = "import importlib.metadata as m, thing; print([d.version for d in m.distributions(name='thing')], thing.v)"
    assert run_inside(image, python, "-c", script).strip() == "['2.0'] 2"


def read_tag(base: Base) -> str:
    return "-".join(base.interpreter.soabi.split("-")[:2])


def test_the_later_wheel_has_a_file_that_two_bring(
    base: Base, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Within a layer and across layers the later one wins, each time the same, and a warning names both."""
    wheels = [wheel(tmp_path, name, files={"tests.py": f"who = '{name}'\n"}) for name in "abcdefghijkl"]
    layers = base.layers(wheels)
    assert len(layers) < len(wheels)
    assert "both bring tests.py" in caplog.text
    order = [part.split()[0] for layer in layers for part in layer.name.split(", ")]
    winner = run_inside(
        base.build("clash", layers), base.interpreter.executable, "-c", "import tests; print(tests.who)"
    )
    assert winner.strip() == order[-1]


def test_bytecode_of_an_earlier_wheel_is_not_run_for_a_file_of_a_later_wheel(base: Base, tmp_path: Path) -> None:
    """The later file is a template without bytecode: its import fails, as after an installation."""
    names = "abcdefghijkl"
    first = base.layers([wheel(tmp_path, name, files={"shared_one.py": f"who = '{name}'\n"}) for name in names])
    last = first[-1].name.split(", ")[-1].split()[0]
    wheels = [
        wheel(
            tmp_path / "bad", name, files={"shared_one.py": "{{ who }} is no Python\n" if name == last else "who = 1\n"}
        )
        for name in names
    ]
    image = base.build("template", base.layers(wheels))
    script = "import importlib\ntry: importlib.import_module('shared_one')\nexcept SyntaxError: print('no Python')"
    assert run_inside(image, base.interpreter.executable, "-c", script).strip() == "no Python"


def test_the_runtime_is_added_to_a_base_without_it(base: Base, tmp_path: Path) -> None:
    """The command runs as the user of the image, from packages behind the user's own."""
    code = "def main():\n    import thing\n    print('runtime', thing.v)\n"
    runtime = [
        wheel(tmp_path, "ovenbird", files={"ovenbird/__init__.py": "", "ovenbird/__main__.py": code}),
        wheel(tmp_path, "thing", files={"thing.py": "v = 'of the runtime'\n"}),
    ]
    layers = make_runtime_layers(
        make_runtime_wheels(runtime, base.interpreter, "sha256:" + "0" * 64), base.image, base.cache
    )
    assert len(layers) <= 3
    image = base.build("runtime", layers, CHANGES)
    assert run_inside(image) == "runtime of the runtime\n"
    assert run_inside(image, flags=("--entrypoint=id",)).startswith("uid=8877(ovenbird) gid=999(ovenbird)")
    run_inside(image, "-c", "touch /shared/x", flags=("--entrypoint=sh",))
    own = base.layers([wheel(tmp_path / "own", "thing", files={"thing.py": "v = 'of the user'\n"})])
    assert run_inside(base.build("own", (*layers, *own), CHANGES)) == "runtime of the user\n"


def test_pip_finds_no_fault_and_can_remove(base: Base, tmp_path: Path) -> None:
    """Real wheels, pip among them: `pip check` passes, `pip uninstall` leaves nothing of a package behind."""
    folder = tmp_path / "wheels"
    names = ("pip", "starlette", "anyio", "idna", "typing-extensions")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *names], check=True)
    wheels = [
        Wheel(path.name.split("-")[0].replace("_", "-"), path.name.split("-")[1], path.name, path,
              hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.glob("*.whl"))
    ]  # fmt: skip
    image = base.build("pip", base.layers(wheels))
    python, site = base.interpreter.executable, base.interpreter.purelib
    assert "No broken requirements found" in run_inside(image, python, "-m", "pip", "check")
    script = f"{python} -m pip uninstall -y --root-user-action=ignore starlette && ls -d {site}/starlette* || true"
    output = run_inside(image, "sh", "-c", script, flags=())
    assert "Successfully uninstalled starlette" in output
    assert site not in output
