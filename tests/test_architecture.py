"""Who may import whom, read from the sources themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {"ovenbird": ROOT / "wrapper" / "ovenbird", "ovenbird_builder": ROOT / "builder" / "ovenbird_builder"}

# module or package -> what of ours it may import; the longest entry that fits a module counts
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "ovenbird": (),
    # leaves that everything may use; what must be there before an error can be raised imports nothing of ours
    "ovenbird.common": ("ovenbird.errors", "ovenbird.common"),
    "ovenbird.common.text": (),
    "ovenbird.common.redact": (),
    "ovenbird.common.units": (),
    "ovenbird.common.interrupts": (),
    "ovenbird.common.std_streams": (),
    "ovenbird.errors": ("ovenbird.common.text", "ovenbird.common.redact"),
    "ovenbird.trace": (),
    "ovenbird.settings": ("ovenbird.errors",),
    "ovenbird.document": ("ovenbird.errors", "ovenbird.unknown_fields"),
    "ovenbird.unknown_fields": (),
    # what a source root must not hold is asked at a start and at a build, which share nothing else of `function`
    "ovenbird.shadows": (),
    # where a source lies is read alike at a start and at a build
    "ovenbird.address": ("ovenbird.errors",),
    "ovenbird.giturl": ("ovenbird.errors", "ovenbird.address"),
    "ovenbird.gitrefs": ("ovenbird.errors", "ovenbird.giturl"),
    # object stores are met by a run and by a build, which share nothing else of `platform`
    "ovenbird.objectstores": ("ovenbird.errors",),
    "ovenbird.function": ("ovenbird.errors", "ovenbird.document", "ovenbird.shadows"),
    "ovenbird.logs": ("ovenbird.function",),
    "ovenbird.platform": (
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.document",
        "ovenbird.objectstores",
    ),
    "ovenbird.serve": (
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.logs",
        "ovenbird.trace",
        "ovenbird.__version__",
    ),
    "ovenbird.job": (
        "ovenbird.__version__",
        "ovenbird.address",
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.gitrefs",
        "ovenbird.giturl",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.platform",
        "ovenbird.logs",
        "ovenbird.trace",
        "ovenbird.document",
        "ovenbird.process_exit",
    ),
    "ovenbird.processor": (
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.document",
        "ovenbird.function",
        "ovenbird.serve",
        "ovenbird.job",
        "ovenbird.platform",
        "ovenbird.process_exit",
        "ovenbird.trace",
    ),
    "ovenbird.process_exit": (),
    "ovenbird.trying": ("ovenbird.errors", "ovenbird.function", "ovenbird.serve"),
    "ovenbird.records": (
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.logs",
        "ovenbird.platform",
        "ovenbird.job",
    ),
    "ovenbird.listings": ("ovenbird.errors", "ovenbird.platform", "ovenbird.records", "ovenbird.verb_parser"),
    "ovenbird.health": ("ovenbird.errors", "ovenbird.settings", "ovenbird.verb_parser"),
    # the parser of all verbs; its help and its advice know every verb, and are handed to it by `cli`
    "ovenbird.verb_parser": ("ovenbird.__version__", "ovenbird.settings"),
    "ovenbird.command_line": (
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.listings",
        "ovenbird.settings",
        "ovenbird.verb_parser",
    ),
    "ovenbird.cli": ("ovenbird",),
    "ovenbird.__main__": ("ovenbird.cli", "ovenbird.common"),
    # the builder, from the bottom up; everything in it may use the function document and the errors
    "ovenbird_builder": (),
    "ovenbird_builder.errors": ("ovenbird.errors",),
    "ovenbird_builder.process": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.buildah": (),
    "ovenbird_builder.network": ("ovenbird_builder.errors",),
    "ovenbird_builder.sources": (
        "ovenbird.address",
        "ovenbird.common",
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.gitrefs",
        "ovenbird.giturl",
        "ovenbird.objectstores",
        "ovenbird.shadows",
        "ovenbird_builder.errors",
        "ovenbird_builder.network",
        "ovenbird_builder.process",
    ),
    "ovenbird_builder.lock_files": (),
    "ovenbird_builder.unnamed_images": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.errors",
        "ovenbird_builder.labels",
        "ovenbird_builder.process",
    ),
    "ovenbird_builder.runtime_failure": ("ovenbird_builder.errors",),
    "ovenbird_builder.container": (
        "ovenbird_builder.runtime_failure",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.buildah",
    ),
    "ovenbird_builder.toolbox": (
        "ovenbird_builder.errors",
        "ovenbird_builder.network",
    ),
    "ovenbird_builder.layers": (
        "ovenbird_builder.lock_files",
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.network",
        "ovenbird_builder.container",
    ),
    "ovenbird_builder.functions": (
        "ovenbird.document",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.labels": ("ovenbird_builder.errors",),
    "ovenbird_builder.descriptions": ("ovenbird.document", "ovenbird_builder.labels"),
    "ovenbird_builder.host": ("ovenbird.common", "ovenbird.errors", "ovenbird_builder.errors"),
    "ovenbird_builder.media_types": (),
    "ovenbird_builder.reference": ("ovenbird_builder.errors",),
    "ovenbird_builder.skopeo": (),
    "ovenbird_builder.faults": (
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird.errors",
    ),
    "ovenbird_builder.distribution": (
        "ovenbird_builder.auth_files",
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.network",
        "ovenbird_builder.reference",
    ),
    "ovenbird_builder.oci": (
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.network",
        "ovenbird_builder.reference",
        "ovenbird_builder.labels",
        "ovenbird_builder.faults",
        "ovenbird_builder.skopeo",
        "ovenbird_builder.container",
        "ovenbird_builder.distribution",
    ),
    "ovenbird_builder.statements": (
        "ovenbird_builder.errors",
        "ovenbird_builder.distribution",
    ),
    "ovenbird_builder.attest": (
        "ovenbird_builder.reference",
        "ovenbird.__version__",
        "ovenbird_builder.errors",
        "ovenbird_builder.instructions",
        "ovenbird_builder.distribution",
        "ovenbird_builder.statements",
        "ovenbird_builder.layers",
        "ovenbird_builder.spec",
        "ovenbird_builder.registry",
        "ovenbird_builder.prepare",
        "ovenbird_builder.bake",
    ),
    "ovenbird_builder.bills": (
        "ovenbird_builder.errors",
        "ovenbird_builder.labels",
        "ovenbird_builder.oci",
        "ovenbird_builder.statements",
    ),
    "ovenbird_builder.inspection": (
        "ovenbird_builder.bills",
        "ovenbird.errors",
        "ovenbird_builder.labels",
        "ovenbird_builder.oci",
        "ovenbird_builder.statements",
    ),
    "ovenbird_builder.rebase": (
        "ovenbird_builder.errors",
        "ovenbird_builder.labels",
        "ovenbird_builder.layers",
        "ovenbird_builder.oci",
    ),
    "ovenbird_builder.rebase_bytecode": ("ovenbird_builder.layers", "ovenbird_builder.oci"),
    "ovenbird_builder.transfer": (
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.faults",
        "ovenbird_builder.skopeo",
        "ovenbird_builder.layers",
        "ovenbird_builder.oci",
        "ovenbird_builder.distribution",
    ),
    "ovenbird_builder.rebasing": (
        "ovenbird_builder.bills",
        "ovenbird.errors",
        "ovenbird_builder.labels",
        "ovenbird_builder.reference",
        "ovenbird_builder.bases",
        "ovenbird_builder.rebase",
        "ovenbird_builder.rebase_bytecode",
        "ovenbird_builder.transfer",
        "ovenbird_builder.layers",
        "ovenbird_builder.oci",
        "ovenbird_builder.distribution",
        "ovenbird_builder.statements",
    ),
    "ovenbird_builder.baked_document": ("ovenbird.document",),
    "ovenbird_builder.auth_files": (),
    "ovenbird_builder.cache_folder": ("ovenbird_builder.errors",),
    "ovenbird_builder.pip_conf": (),
    "ovenbird_builder.credentials": ("ovenbird_builder.errors", "ovenbird_builder.auth_files"),
    "ovenbird_builder.diff": ("ovenbird_builder.errors",),
    "ovenbird_builder.options": ("ovenbird_builder.errors",),
    "ovenbird_builder.progress": ("ovenbird_builder.process",),
    "ovenbird_builder.report": (
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.secrets": ("ovenbird_builder.errors",),
    "ovenbird_builder.writeback": (
        "ovenbird.document",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.instructions": ("ovenbird_builder.errors",),
    "ovenbird_builder.registry": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.distribution",
        "ovenbird_builder.credentials",
        "ovenbird_builder.errors",
        "ovenbird_builder.faults",
        "ovenbird_builder.network",
        "ovenbird_builder.process",
        "ovenbird_builder.reference",
        "ovenbird_builder.skopeo",
    ),
    "ovenbird_builder.salts": (
        "ovenbird_builder.layers",
        "ovenbird_builder.secrets",
    ),
    "ovenbird_builder.bench": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.container",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.process",
        "ovenbird_builder.reference",
        "ovenbird_builder.registry",
        "ovenbird_builder.skopeo",
    ),
    "ovenbird_builder.bases": (
        "ovenbird_builder.lock_files",
        "ovenbird_builder.pip_conf",
        "ovenbird_builder.runtime_failure",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.process",
        "ovenbird_builder.buildah",
        "ovenbird_builder.container",
        "ovenbird_builder.network",
        "ovenbird_builder.toolbox",
        "ovenbird.__version__",
        "ovenbird_builder.labels",
        "ovenbird_builder.oci",
        "ovenbird_builder.layers",
        "ovenbird_builder.reference",
        "ovenbird_builder.registry",
        "ovenbird_builder.bench",
    ),
    "ovenbird_builder.locking": (
        "ovenbird_builder.pip_conf",
        "ovenbird_builder.errors",
        "ovenbird_builder.bases",
        "ovenbird.document",
        "ovenbird_builder.process",
        "ovenbird_builder.progress",
        "ovenbird_builder.toolbox",
        "ovenbird_builder.container",
        "ovenbird_builder.network",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.outputs": (
        "ovenbird_builder.errors",
        "ovenbird_builder.reference",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.step": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.container",
        "ovenbird_builder.diff",
        "ovenbird_builder.errors",
        "ovenbird_builder.faults",
        "ovenbird_builder.instructions",
        "ovenbird_builder.network",
        "ovenbird_builder.process",
        "ovenbird_builder.secrets",
        "ovenbird_builder.skopeo",
    ),
    "ovenbird_builder.deliver": (
        "ovenbird_builder.errors",
        "ovenbird_builder.distribution",
        "ovenbird_builder.layers",
        "ovenbird_builder.outputs",
        "ovenbird_builder.progress",
        "ovenbird_builder.reference",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.plan": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.bases",
        "ovenbird_builder.instructions",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.spec": (
        "ovenbird_builder.bases",
        "ovenbird_builder.cache_folder",
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.functions",
        "ovenbird_builder.instructions",
        "ovenbird_builder.network",
        "ovenbird_builder.outputs",
        "ovenbird_builder.reference",
        "ovenbird_builder.labels",
        "ovenbird_builder.secrets",
        "ovenbird_builder.source_allow",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.source_allow": ("ovenbird.document", "ovenbird_builder.errors"),
    "ovenbird_builder.source_gate": (
        "ovenbird.document",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.source_allow",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.ask_python": ("ovenbird_builder.container", "ovenbird_builder.network"),
    "ovenbird_builder.import_names": (),
    "ovenbird_builder.source_check": (
        "ovenbird.document",
        "ovenbird.shadows",
        "ovenbird_builder.bases",
        "ovenbird_builder.errors",
        "ovenbird_builder.import_names",
        "ovenbird_builder.layers",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.overlay_store": (
        "ovenbird_builder.buildah",
        "ovenbird_builder.layers",
        "ovenbird_builder.process",
    ),
    "ovenbird_builder.mounted_check": (
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.overlay_store",
        "ovenbird_builder.process",
    ),
    "ovenbird_builder._enter_layers": (),
    "ovenbird_builder.image_check": (
        "ovenbird.errors",
        "ovenbird_builder.bases",
        "ovenbird_builder.bench",
        "ovenbird_builder.mounted_check",
        "ovenbird_builder.container",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.process",
    ),
    "ovenbird_builder.bake": (
        "ovenbird_builder.bench",
        "ovenbird_builder.diff",
        "ovenbird_builder.layers",
        "ovenbird_builder.network",
        "ovenbird_builder.plan",
        "ovenbird_builder.progress",
        "ovenbird_builder.secrets",
        "ovenbird_builder.step",
    ),
    "ovenbird_builder.explain": ("ovenbird_builder.plan", "ovenbird_builder.sources"),
    "ovenbird_builder.needs": (
        "ovenbird.document",
        "ovenbird_builder.errors",
        "ovenbird_builder.locking",
        "ovenbird_builder.progress",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.spec",
    ),
    "ovenbird_builder.workplace": (
        "ovenbird_builder.bases",
        "ovenbird_builder.reference",
        "ovenbird_builder.bench",
        "ovenbird_builder.credentials",
        "ovenbird_builder.layers",
        "ovenbird_builder.progress",
        "ovenbird_builder.registry",
        "ovenbird_builder.spec",
    ),
    "ovenbird_builder.contents": (
        "ovenbird_builder.descriptions",
        "ovenbird_builder.bake",
        "ovenbird_builder.baked_document",
        "ovenbird_builder.bench",
        "ovenbird_builder.bases",
        "ovenbird_builder.labels",
        "ovenbird_builder.layers",
        "ovenbird_builder.needs",
        "ovenbird_builder.plan",
        "ovenbird_builder.sources",
        "ovenbird_builder.spec",
        "ovenbird_builder.locking",
    ),
    "ovenbird_builder.prepare": (
        "ovenbird.__version__",
        "ovenbird_builder.bake",
        "ovenbird_builder.bases",
        "ovenbird_builder.contents",
        "ovenbird_builder.errors",
        "ovenbird_builder.needs",
        "ovenbird_builder.plan",
        "ovenbird_builder.salts",
        "ovenbird_builder.sources",
        "ovenbird_builder.spec",
        "ovenbird_builder.locking",
        "ovenbird_builder.workplace",
        "ovenbird_builder.ask_python",
        "ovenbird.errors",
        "ovenbird_builder.source_check",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.bundles": (
        "ovenbird_builder.baked_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.bases",
        "ovenbird_builder.layers",
        "ovenbird_builder.locking",
        "ovenbird_builder.prepare",
        "ovenbird_builder.sources",
        "ovenbird_builder.spec",
    ),
    "ovenbird_builder.pipeline": (
        "ovenbird_builder.bases",
        "ovenbird.__version__",
        "ovenbird_builder.source_allow",
        "ovenbird_builder.source_gate",
        "ovenbird_builder.attest",
        "ovenbird_builder.bake",
        "ovenbird_builder.deliver",
        "ovenbird_builder.explain",
        "ovenbird_builder.layers",
        "ovenbird_builder.needs",
        "ovenbird_builder.prepare",
        "ovenbird_builder.progress",
        "ovenbird_builder.report",
        "ovenbird_builder.sources",
        "ovenbird_builder.spec",
        "ovenbird_builder.workplace",
        "ovenbird_builder.writeback",
        "ovenbird_builder.image_check",
    ),
    "ovenbird_builder.batch": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.pipeline",
        "ovenbird_builder.progress",
        "ovenbird_builder.report",
        "ovenbird_builder.spec",
        "ovenbird_builder.workplace",
    ),
    "ovenbird_builder.ci_outputs": (
        "ovenbird_builder.batch",
        "ovenbird_builder.report",
    ),
    "ovenbird_builder.manifests": (
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird_builder.errors",
        "ovenbird_builder.instructions",
        "ovenbird_builder.reference",
    ),
    # what `ovenbird check --strict` asks of a document
    "ovenbird_builder.document_check": (
        "ovenbird.address",
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.giturl",
        "ovenbird_builder.bases",
        "ovenbird_builder.errors",
        "ovenbird_builder.instructions",
        "ovenbird_builder.locking",
        "ovenbird_builder.network",
        "ovenbird_builder.reference",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.engines": (
        "ovenbird_builder.errors",
        "ovenbird_builder.faults",
        "ovenbird_builder.process",
        "ovenbird_builder.reference",
    ),
    # what a run is told lies in the table of the wrapper's settings, and nowhere else
    "ovenbird_builder.launch": (
        "ovenbird.settings",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.commands.container": (
        "ovenbird_builder",
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.__version__",
    ),
    "ovenbird_builder.commands": (
        "ovenbird_builder",
        "ovenbird.document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.__version__",
    ),
    "ovenbird_builder.cli": (
        "ovenbird_builder.absent_packages",
        "ovenbird_builder.commands",
        "ovenbird.errors",
        "ovenbird.verb_parser",
    ),
    "ovenbird_builder.absent_packages": (),
}
# what may not use the leaves of `common` at large, as it lies below them
_BUILDER_LEAVES = ("ovenbird_builder.host", "ovenbird_builder.media_types")
_COMMON: dict[str, tuple[str, ...]] = {
    name: ()
    for name in MAY_IMPORT
    if name.startswith("ovenbird.common") or name in ("ovenbird.errors", "ovenbird", "ovenbird_builder.media_types")
}
# package -> the only modules that may import it
ONLY_IN: dict[str, tuple[str, ...]] = {
    "starlette": ("ovenbird.serve",),
    "uvicorn": (
        "ovenbird.serve.server",
        "ovenbird.serve.engine",
        "ovenbird.serve.listener",
        "ovenbird.serve.wire",
    ),
    # what uvicorn keeps to itself: one module reaches for it
    "uvicorn.protocols": ("ovenbird.serve.wire",),
    "uvicorn.server": (),
    "uvloop": ("ovenbird.serve.server",),
    "opentelemetry": ("ovenbird.serve.otel",),
    "watchfiles": ("ovenbird.serve.reload",),
    "yaml": ("ovenbird.platform.entity_file", "ovenbird.common.yaml_load", "ovenbird_builder.manifests.render"),
    "sqlite3": ("ovenbird.platform",),
    "obstore": ("ovenbird.objectstores", "ovenbird.platform", "ovenbird_builder.sources.objects"),
    "git": ("ovenbird_builder.sources.gitrun",),
    "poetry": ("ovenbird_builder.locking.poetry_project",),
    "pathspec": ("ovenbird_builder.sources.ignore", "ovenbird_builder.source_allow"),
    "rich": ("ovenbird_builder.progress", "ovenbird_builder.commands"),
    "subprocess": ("ovenbird_builder.process",),
    "dulwich": ("ovenbird.job.repository", "ovenbird.job.gitclient", "ovenbird.job.checkout"),
    "urllib3": ("ovenbird.platform.pools", "ovenbird_builder.distribution"),
    "cyclonedx": ("ovenbird_builder.statements.components",),
    "pip": (),
    "piptools": (),
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours by its dotted name."""
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            yield ".".join(part for part in parts if part != "__init__"), path


def imports(name: str, path: Path, *, types: bool = False) -> Iterator[tuple[str, int]]:
    """Every module that a module imports, at the top or inside a function; with `types` for type checkers too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if not types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno
        todo.extend(ast.iter_child_nodes(node))


def _leaves(own: str) -> tuple[str, ...]:
    """The leaves that a module may use wherever it lies: the runtime's, and in the builder those of the builder."""
    return ("ovenbird.common", *(_BUILDER_LEAVES if own.startswith("ovenbird_builder") else ()))


def covers(prefix: str, name: str) -> bool:
    """Whether `name` is `prefix` or lies below it."""
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize(("name", "path"), [pytest.param(*found, id=found[0]) for found in modules()])
def test_a_module_imports_only_what_lies_below_it(name: str, path: Path) -> None:
    """The layers of docs/architecture.md hold: no module imports from a layer above its own, nor a foreign package."""
    own = max(
        (key for key in MAY_IMPORT if covers(key, name) and (key != "ovenbird" or name == key)), key=len, default=""
    )
    assert own, f"{name} has no place in the architecture: add it to MAY_IMPORT"
    for found, line in imports(name, path):
        where = f"{path.relative_to(ROOT)}:{line} imports {found}"
        if found.split(".")[0] in SOURCES:
            # `from ovenbird import settings` reaches a module, `from .bind import Binder` a name in one
            allowed = (own, *MAY_IMPORT[own], *_COMMON.get(own, _leaves(own))) if own != "ovenbird" else ()
            assert any(covers(prefix, found) for prefix in allowed), where
        for package, owners in ONLY_IN.items():
            if covers(package, found):
                assert any(covers(owner, name) for owner in owners), where


def graph() -> dict[str, set[str]]:
    """Each module with those of ours that it imports anywhere: at its top, in functions, for type checkers."""
    paths = dict(modules())
    edges: dict[str, set[str]] = {}
    for name, path in paths.items():
        edges[name] = set()
        for imported, _ in imports(name, path, types=True):
            module = imported
            while module and module not in paths:  # `from .bind import Binder` reaches a name in a module
                module = module.rpartition(".")[0]
            if module and module != name:
                edges[name].add(module)
    return edges


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle, in the order of their imports; empty when there is none."""
    done: set[str] = set()
    for start in sorted(edges):
        path: list[str] = []
        todo = [(start, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                path.pop()
                done.add(name)
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                todo.append((name, True))
                todo.extend((imported, False) for imported in sorted(edges[name]))
    return []


@pytest.mark.parametrize(("edges", "cycle"), [
    ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
    ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
    ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
], ids=["chain", "diamond", "cycle"])  # fmt: skip
def test_a_cycle_is_found(edges: dict[str, set[str]], cycle: list[str]) -> None:
    """The search finds a cycle that does not begin where it starts, and takes no diamond for one."""
    assert find_cycle(edges) == cycle


def test_no_modules_import_each_other() -> None:
    """No cycle of imports, those inside functions and for type checkers included, in either package."""
    edges = graph()
    assert "ovenbird.job.remote" in edges["ovenbird.job.entrypoint"]  # inside a function
    assert "ovenbird.platform.store" in edges["ovenbird.platform.opening"]  # for type checkers
    assert " -> ".join(find_cycle(edges)) == ""


def test_every_layer_exists() -> None:
    """The table names no module that is gone, so that it cannot rot."""
    assert set(MAY_IMPORT) <= {name for name, _ in modules()}
