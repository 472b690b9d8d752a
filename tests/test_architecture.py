"""The allowed imports, checked in the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {
    "ovenbird": ROOT / "wrapper" / "ovenbird",
    "ovenbird_builder": ROOT / "builder" / "ovenbird_builder",
    "ovenbird_console": ROOT / "console" / "ovenbird_console",
}

# module or package -> what of ours it may import; the longest entry that fits a module counts
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # the runtime, from the bottom up; leaves that lie below the errors import nothing of ours
    "ovenbird.common.text": (),
    "ovenbird.common.redact": (),
    "ovenbird.common.units": (),
    "ovenbird.errors": ("ovenbird.common.text", "ovenbird.common.redact"),
    "ovenbird.common": ("ovenbird.errors",),
    "ovenbird.function_document": ("ovenbird.errors",),
    "ovenbird.function": ("ovenbird.errors", "ovenbird.function_document"),
    "ovenbird.capture": ("ovenbird.errors",),
    "ovenbird.page": ("ovenbird.errors",),
    "ovenbird.settings": ("ovenbird.errors",),
    "ovenbird.display": ("ovenbird.errors",),
    "ovenbird.platform": ("ovenbird.errors", "ovenbird.settings", "ovenbird.display"),
    "ovenbird.lineage": ("ovenbird.errors", "ovenbird.platform", "ovenbird.__version__"),
    "ovenbird": (),
    "ovenbird.trace_context": (),
    "ovenbird.job": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.lineage",
        "ovenbird.__version__",
        "ovenbird.trace_context",
    ),
    "ovenbird.logging_config": ("ovenbird.function",),
    "ovenbird.serve": (
        "ovenbird.errors",
        "ovenbird.function",
        "ovenbird.page",
        "ovenbird.settings",
        "ovenbird.__version__",
        "ovenbird.trace_context",
        "ovenbird.logging_config",
    ),
    "ovenbird.client": (
        "ovenbird.errors",
        "ovenbird.function.context",
        "ovenbird.serve.response.json_encode",
    ),
    "ovenbird.processor": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.trace_context",
        "ovenbird.job",
        "ovenbird.serve",
    ),
    "ovenbird.testing": (
        "ovenbird.errors",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.job",
        "ovenbird.logging_config",
        "ovenbird.serve",
        "ovenbird.client",
    ),
    "ovenbird.api.records": (
        "ovenbird.errors",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.display",
        "ovenbird.job",
    ),
    "ovenbird.api": (
        "ovenbird.display",
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.capture",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.job",
        "ovenbird.logging_config",
        "ovenbird.serve",
        "ovenbird.client",
    ),
    "ovenbird.sdk": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.job",
        "ovenbird.logging_config",
        "ovenbird.serve",
        "ovenbird.api",
    ),
    "ovenbird.command_line": (
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.__version__",
        "ovenbird.logging_config",
    ),
    "ovenbird.commands": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.settings",
        "ovenbird.platform",
        "ovenbird.job",
        "ovenbird.logging_config",
        "ovenbird.serve",
        "ovenbird.api",
        "ovenbird.display",
        "ovenbird.command_line",
        "ovenbird.processor",
    ),
    "ovenbird.cli": ("ovenbird",),
    "ovenbird.__main__": ("ovenbird.cli",),
    # the builder, from the bottom up
    "ovenbird_builder": (),
    "ovenbird_builder.errors": ("ovenbird.errors",),
    "ovenbird_builder.host": ("ovenbird.errors", "ovenbird_builder.errors"),
    "ovenbird_builder.oci": ("ovenbird_builder.errors",),
    "ovenbird_builder.containers": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
    ),
    "ovenbird_builder.registry": ("ovenbird_builder.errors", "ovenbird_builder.host", "ovenbird_builder.oci"),
    "ovenbird_builder.image_reader": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.attestations": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.registry",
        "ovenbird_builder.image_reader",
    ),
    "ovenbird_builder.layers": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.cache",
    ),
    "ovenbird_builder.cache": ("ovenbird_builder.errors", "ovenbird_builder.host"),
    "ovenbird_builder.image_store": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.registry",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
    ),
    "ovenbird_builder.bases": (
        "ovenbird.errors",
        "ovenbird.__version__",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
        "ovenbird_builder.image_store",
    ),
    "ovenbird_builder.sources": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
    ),
    "ovenbird_builder.locking": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.containers",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.request": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.cache",
        "ovenbird_builder.image_store",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.locking",
    ),
    "ovenbird_builder.publish": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.registry",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
        "ovenbird_builder.image_store",
        "ovenbird_builder.request",
    ),
    "ovenbird_builder.build": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.__version__",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.registry",
        "ovenbird_builder.attestations",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
        "ovenbird_builder.image_store",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.locking",
        "ovenbird_builder.request",
        "ovenbird_builder.publish",
    ),
    "ovenbird_builder.bundle_archive": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.locking",
        "ovenbird_builder.request",
        "ovenbird_builder.build",
    ),
    "ovenbird_builder.inspect_image": (
        "ovenbird.errors",
        "ovenbird_builder.oci",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.attestations",
    ),
    "ovenbird_builder.kubernetes": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.settings",
        "ovenbird_builder.errors",
        "ovenbird_builder.oci",
        "ovenbird_builder.request",
    ),
    "ovenbird_builder.rebase": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.registry",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.attestations",
        "ovenbird_builder.layers",
        "ovenbird_builder.cache",
        "ovenbird_builder.bases",
        "ovenbird_builder.publish",
    ),
    "ovenbird_builder.runner": ("ovenbird.settings", "ovenbird_builder.errors"),
    "ovenbird_builder.cluster": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.kubernetes",
    ),
    "ovenbird_builder.actions": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.settings",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.cache",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.locking",
        "ovenbird_builder.request",
        "ovenbird_builder.build",
        "ovenbird_builder.bundle_archive",
        "ovenbird_builder.runner",
        "ovenbird_builder.image_store",
        "ovenbird_builder.registry",
        "ovenbird_builder.kubernetes",
        "ovenbird_builder.cluster",
        "ovenbird_builder.attestations",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.inspect_image",
    ),
    "ovenbird_builder.commands": (
        "ovenbird.errors",
        "ovenbird.function_document",
        "ovenbird.settings",
        "ovenbird.__version__",
        "ovenbird_builder.errors",
        "ovenbird_builder.host",
        "ovenbird_builder.oci",
        "ovenbird_builder.containers",
        "ovenbird_builder.registry",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.attestations",
        "ovenbird_builder.cache",
        "ovenbird_builder.image_store",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.locking",
        "ovenbird_builder.request",
        "ovenbird_builder.build",
        "ovenbird_builder.bundle_archive",
        "ovenbird_builder.inspect_image",
        "ovenbird_builder.kubernetes",
        "ovenbird_builder.rebase",
        "ovenbird_builder.runner",
        "ovenbird_builder.cluster",
        "ovenbird_builder.actions",
    ),
    "ovenbird_builder.cli": ("ovenbird.errors", "ovenbird.command_line", "ovenbird_builder.commands"),
    # the page, on top of both
    "ovenbird_console": (
        "ovenbird.__version__",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.function_document",
        "ovenbird.platform",
        "ovenbird.command_line",
        "ovenbird.page",
        "ovenbird.job",
        "ovenbird.api",
        "ovenbird.sdk",
        "ovenbird_builder.actions",
    ),
}
# what lies below the leaves of `common` does not use them at large; all else may
BELOW_COMMON = ("ovenbird", "ovenbird.errors")
# package -> the only modules that may import it
ONLY_IN: dict[str, tuple[str, ...]] = {
    "starlette": ("ovenbird.serve", "ovenbird_console"),
    "jinja2": ("ovenbird_console.rendering",),
    "markdown_it": ("ovenbird_console.previews.markdown",),
    "nh3": ("ovenbird_console.previews.markdown",),
    "imagesize": ("ovenbird_console.previews.images",),
    "uvicorn": (
        "ovenbird.serve.server.worker",
        "ovenbird.serve.server.engine",
        "ovenbird.serve.server.http_server",
        "ovenbird.serve.server.uvicorn_adapter",
        "ovenbird_console.server",
    ),
    # what uvicorn keeps to itself: one module reaches for it
    "uvicorn.protocols": ("ovenbird.serve.server.uvicorn_adapter",),
    "uvicorn.server": ("ovenbird.serve.server.uvicorn_adapter",),
    "uvloop": ("ovenbird.serve.server.worker",),
    "opentelemetry": ("ovenbird.serve.observability.otel",),
    "watchfiles": ("ovenbird.serve.server.reload",),
    "yaml": (
        "ovenbird.platform.entities.entity_file",
        "ovenbird.common.yaml_load",
        "ovenbird_builder.kubernetes.render",
        "ovenbird_console.function_files",
        "ovenbird_console.source_edit",
    ),
    "sqlite3": ("ovenbird.platform",),
    "psycopg": ("ovenbird.platform.postgres",),
    "obstore": ("ovenbird.common.object_storage", "ovenbird.platform", "ovenbird_builder.sources.s3"),
    "git": ("ovenbird_builder.sources.git_command",),
    "poetry": ("ovenbird_builder.locking.projects.poetry",),
    "pathspec": ("ovenbird_builder.sources.ignore", "ovenbird_builder.sources.allowed_files"),
    "rich": ("ovenbird_builder.host.progress", "ovenbird_builder.commands"),
    "subprocess": (
        "ovenbird_console.contracts",
        "ovenbird_console.tasks",
        "ovenbird_console.local_images",
        "ovenbird_builder.host.process",
        "ovenbird.api.child_process",
    ),
    "dulwich": ("ovenbird.job.sources.git_fetch", "ovenbird.job.sources.git_http", "ovenbird.job.sources.checkout"),
    "urllib3": (
        "ovenbird.platform.storage.http_pool",
        "ovenbird.client.urllib3_transport",
        "ovenbird.client.deadline_sockets",
        "ovenbird_builder.registry",
    ),
    "httpx": ("ovenbird.client.httpx_transport",),
    "cyclonedx": ("ovenbird_builder.attestations.cyclonedx",),
    "pip": (),
    "piptools": (),
}


def modules() -> Iterator[tuple[str, Path]]:
    """Return every module of ours by its dotted name."""
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


def may_import(own: str) -> tuple[str, ...]:
    """Return what the modules of `own` may import of ours, themselves included."""
    if own == "ovenbird":
        return ()
    leaves = () if own in BELOW_COMMON or covers("ovenbird.common", own) else ("ovenbird.common",)
    return (own, *MAY_IMPORT[own], *leaves)


def covers(prefix: str, name: str) -> bool:
    """Return whether `name` is `prefix` or lies below it."""
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize(("name", "path"), [pytest.param(*module, id=module[0]) for module in modules()])
def test_a_module_imports_only_what_lies_below_it(name: str, path: Path) -> None:
    """The layers of docs/architecture.md hold: no module imports from a layer above its own, nor a foreign package."""
    own = max(
        (key for key in MAY_IMPORT if covers(key, name) and (key != "ovenbird" or name == key)), key=len, default=""
    )
    assert own, f"{name} has no place in the architecture: add it to MAY_IMPORT"
    for imported, line in imports(name, path):
        where = f"{path.relative_to(ROOT)}:{line} imports {imported}"
        if imported.split(".")[0] in SOURCES:
            # `from ovenbird import settings` reaches a module, `from .bind import Binder` a name in one
            assert any(covers(prefix, imported) for prefix in may_import(own)), where
        for package, owners in ONLY_IN.items():
            if covers(package, imported):
                assert any(covers(owner, name) for owner in owners), where


def graph() -> dict[str, set[str]]:
    """Return each module with those of ours that it imports anywhere: at its top, in functions, for type checkers."""
    paths = dict(modules())
    edges: dict[str, set[str]] = {}
    for name, path in paths.items():
        edges[name] = set()
        for imported, _ in imports(name, path, types=True):
            if imported == "ovenbird.__version__":  # a constant of the package, which itself imports for checkers only
                continue
            module = imported
            while module and module not in paths:  # `from .bind import Binder` reaches a name in a module
                module = module.rpartition(".")[0]
            if module and module != name:
                edges[name].add(module)
    return edges


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle, in the order of their imports; empty when there is none."""
    finished: set[str] = set()
    for start in sorted(edges):
        path: list[str] = []
        todo = [(start, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                path.pop()
                finished.add(name)
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in finished:
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


@pytest.mark.slow
def test_no_modules_import_each_other() -> None:
    """No cycle of imports, those inside functions and for type checkers included, in either package."""
    edges = graph()
    assert "ovenbird.job.platform_run" in edges["ovenbird.job.entrypoint"]  # inside a function
    assert "ovenbird.platform.store" in edges["ovenbird.platform.store_factory"]  # for type checkers
    assert " -> ".join(find_cycle(edges)) == ""


def test_no_packages_import_each_other() -> None:
    """The table itself lets no package import one that may import it, by whatever way."""
    edges = {package: {name for name in imported if name in MAY_IMPORT} for package, imported in MAY_IMPORT.items()}
    assert "ovenbird.command_line" in edges["ovenbird.commands"]
    assert " -> ".join(find_cycle(edges)) == ""


@pytest.mark.slow
def test_imports_inside_a_package_are_relative() -> None:
    """A package names itself nowhere, so that a reader tells its own modules from those of others."""
    absolute = [
        f"{name}:{node.lineno}"
        for name, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and node.module
        if node.module.split(".")[0] == name.split(".")[0]
    ]
    assert absolute == []


def test_every_layer_exists() -> None:
    """The table has no missing module, so that it stays current."""
    assert set(MAY_IMPORT) <= {name for name, _ in modules()}


def test_every_folder_of_tests_is_collected(pytestconfig: pytest.Config) -> None:
    """pytest passes over folders by their names, such as `build`: none of them holds tests."""
    patterns = pytestconfig.getini("norecursedirs")
    folders = {part for path in (ROOT / "tests").rglob("test_*.py") for part in path.relative_to(ROOT).parts[:-1]}
    assert [name for name in folders if any(fnmatch(name, pattern) for pattern in patterns)] == []


@pytest.mark.slow
def test_no_archive_is_unpacked_by_the_standard_library() -> None:
    """`tarfile` has no filters in some Pythons, as 3.11.2 of Debian 12, and refuses other things in each."""
    calls = [
        f"{name}:{node.lineno}"
        for name, path in modules()
        if "tarfile" in path.read_text() or "zipfile" in path.read_text() or "shutil" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("extract", "extractall", "unpack_archive")
    ]
    assert calls == []


@pytest.mark.slow
def test_tests_call_plain_http_without_a_tls_context() -> None:
    """httpx reads its certificates for each client, 18 ms of CPU, unless `verify` is given; polls do little else."""
    makers = {"get", "post", "put", "head", "delete", "request", "stream", "Client", "AsyncClient"}
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "httpx." in path.read_text(errors="replace")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in makers
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "httpx"
        and not {"verify", "transport"} & {keyword.arg for keyword in node.keywords}
    ]
    assert calls == []
