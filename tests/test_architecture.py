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
    "ovenbird.function_document": ("ovenbird.errors", "ovenbird.common.unknown_fields"),
    "ovenbird.common.unknown_fields": (),
    # what a source root must not hold is asked at a start and at a build, which share nothing else of `function`
    "ovenbird.common.module_shadowing": (),
    # where a source lies is read alike at a start and at a build
    "ovenbird.common.source_url": ("ovenbird.errors",),
    "ovenbird.common.git_url": ("ovenbird.errors", "ovenbird.common.source_url"),
    "ovenbird.common.git_refs": ("ovenbird.errors", "ovenbird.common.git_url"),
    # object stores are met by a run and by a build, which share nothing else of `platform`
    "ovenbird.common.object_storage": ("ovenbird.errors",),
    "ovenbird.function": ("ovenbird.errors", "ovenbird.function_document", "ovenbird.common.module_shadowing"),
    "ovenbird.logging_config": ("ovenbird.function",),
    "ovenbird.platform": (
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function_document",
        "ovenbird.common.object_storage",
    ),
    "ovenbird.serve": (
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.logging_config",
        "ovenbird.trace",
        "ovenbird.__version__",
    ),
    "ovenbird.job": (
        "ovenbird.__version__",
        "ovenbird.common.source_url",
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.common.git_refs",
        "ovenbird.common.git_url",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.platform",
        "ovenbird.logging_config",
        "ovenbird.trace",
        "ovenbird.function_document",
        "ovenbird.common.process_exit",
    ),
    "ovenbird.processor": (
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function_document",
        "ovenbird.function",
        "ovenbird.serve",
        "ovenbird.job",
        "ovenbird.platform",
        "ovenbird.common.process_exit",
        "ovenbird.trace",
    ),
    "ovenbird.common.process_exit": (),
    "ovenbird.commands.invoke": ("ovenbird.errors", "ovenbird.function", "ovenbird.serve"),
    "ovenbird.commands.records": (
        "ovenbird.common",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.function",
        "ovenbird.logging_config",
        "ovenbird.platform",
        "ovenbird.job",
    ),
    "ovenbird.commands.records.record_verbs": (
        "ovenbird.errors",
        "ovenbird.platform",
        "ovenbird.commands.records",
        "ovenbird.command_line.verb_parser",
    ),
    "ovenbird.commands.health": ("ovenbird.errors", "ovenbird.settings", "ovenbird.command_line.verb_parser"),
    # the parser of all verbs; its help and its advice know every verb, and are handed to it by `cli`
    "ovenbird.command_line.verb_parser": ("ovenbird.__version__", "ovenbird.settings"),
    "ovenbird.command_line": (
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.commands.records.record_verbs",
        "ovenbird.settings",
        "ovenbird.command_line.verb_parser",
    ),
    "ovenbird.cli": ("ovenbird",),
    "ovenbird.__main__": ("ovenbird.cli", "ovenbird.common"),
    # the builder, from the bottom up; everything in it may use the function document and the errors
    "ovenbird_builder": (),
    "ovenbird_builder.errors": ("ovenbird.errors",),
    "ovenbird_builder.host.process": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.containers.buildah": (),
    "ovenbird_builder.host.network": ("ovenbird_builder.errors",),
    "ovenbird_builder.sources": (
        "ovenbird.common.source_url",
        "ovenbird.common",
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.common.git_refs",
        "ovenbird.common.git_url",
        "ovenbird.common.object_storage",
        "ovenbird.common.module_shadowing",
        "ovenbird_builder.errors",
        "ovenbird_builder.host.network",
        "ovenbird_builder.host.process",
    ),
    "ovenbird_builder.host.file_locks": (),
    "ovenbird_builder.image_store.unnamed_images": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.errors",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.host.process",
    ),
    "ovenbird_builder.containers.runtime_failure": ("ovenbird_builder.errors",),
    "ovenbird_builder.containers.working_container": (
        "ovenbird_builder.containers.runtime_failure",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.containers.buildah",
    ),
    "ovenbird_builder.containers.pip_tools": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host.network",
    ),
    "ovenbird_builder.layers": (
        "ovenbird_builder.host.file_locks",
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.host.network",
        "ovenbird_builder.containers.working_container",
    ),
    "ovenbird_builder.request.function_target": (
        "ovenbird.function_document",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.oci.label_names": ("ovenbird_builder.errors",),
    "ovenbird_builder.build.function_description": ("ovenbird.function_document", "ovenbird_builder.oci.label_names"),
    "ovenbird_builder.host": ("ovenbird.common", "ovenbird.errors", "ovenbird_builder.errors"),
    "ovenbird_builder.oci.media_types": (),
    "ovenbird_builder.oci.reference": ("ovenbird_builder.errors",),
    "ovenbird_builder.containers.skopeo": (),
    "ovenbird_builder.containers.engine_errors": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird.errors",
    ),
    "ovenbird_builder.registry": (
        "ovenbird_builder.registry.auth_locations",
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.host.network",
        "ovenbird_builder.oci.reference",
    ),
    "ovenbird_builder.image_reader": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.host.network",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.containers.engine_errors",
        "ovenbird_builder.containers.skopeo",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.attestations": (
        "ovenbird_builder.errors",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.build.attestations": (
        "ovenbird_builder.oci.reference",
        "ovenbird.__version__",
        "ovenbird_builder.errors",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.registry",
        "ovenbird_builder.attestations",
        "ovenbird_builder.layers",
        "ovenbird_builder.request.build_request",
        "ovenbird_builder.image_store.skopeo_client",
        "ovenbird_builder.build.prepare",
        "ovenbird_builder.build.execute",
    ),
    "ovenbird_builder.attestations.find_sbom": (
        "ovenbird_builder.errors",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.attestations",
    ),
    "ovenbird_builder.inspect_image": (
        "ovenbird_builder.attestations.find_sbom",
        "ovenbird.errors",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.attestations",
    ),
    "ovenbird_builder.rebase.plan": (
        "ovenbird_builder.errors",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.layers",
        "ovenbird_builder.image_reader",
    ),
    "ovenbird_builder.rebase.bytecode": ("ovenbird_builder.layers", "ovenbird_builder.image_reader"),
    "ovenbird_builder.publish.copy": (
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.containers.engine_errors",
        "ovenbird_builder.containers.skopeo",
        "ovenbird_builder.layers",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.registry",
    ),
    "ovenbird_builder.rebase.execute": (
        "ovenbird_builder.attestations.find_sbom",
        "ovenbird.errors",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.bases",
        "ovenbird_builder.rebase.plan",
        "ovenbird_builder.rebase.bytecode",
        "ovenbird_builder.publish.copy",
        "ovenbird_builder.layers",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.registry",
        "ovenbird_builder.attestations",
    ),
    "ovenbird_builder.build.function_document": ("ovenbird.function_document",),
    "ovenbird_builder.registry.auth_locations": (),
    "ovenbird_builder.cache.folder": ("ovenbird_builder.errors",),
    "ovenbird_builder.containers.pip_conf": (),
    "ovenbird_builder.registry.auth_file": ("ovenbird_builder.errors", "ovenbird_builder.registry.auth_locations"),
    "ovenbird_builder.build.layer_diff": ("ovenbird_builder.errors",),
    "ovenbird_builder.commands.options": ("ovenbird_builder.errors",),
    "ovenbird_builder.host.progress": ("ovenbird_builder.host.process",),
    "ovenbird_builder.build.report": (
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.host.secrets": ("ovenbird_builder.errors",),
    "ovenbird_builder.build.writeback": (
        "ovenbird.function_document",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.request.run_instruction": ("ovenbird_builder.errors",),
    "ovenbird_builder.image_store.skopeo_client": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.registry",
        "ovenbird_builder.registry.auth_file",
        "ovenbird_builder.errors",
        "ovenbird_builder.containers.engine_errors",
        "ovenbird_builder.host.network",
        "ovenbird_builder.host.process",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.containers.skopeo",
    ),
    "ovenbird_builder.cache.secret_fingerprint": (
        "ovenbird_builder.layers",
        "ovenbird_builder.host.secrets",
    ),
    "ovenbird_builder.image_store.stage_images": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.host.process",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.image_store.skopeo_client",
        "ovenbird_builder.containers.skopeo",
    ),
    "ovenbird_builder.bases": (
        "ovenbird_builder.host.file_locks",
        "ovenbird_builder.containers.pip_conf",
        "ovenbird_builder.containers.runtime_failure",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.host.network",
        "ovenbird_builder.containers.pip_tools",
        "ovenbird.__version__",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.image_reader",
        "ovenbird_builder.layers",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.image_store.skopeo_client",
        "ovenbird_builder.image_store.stage_images",
    ),
    "ovenbird_builder.locking": (
        "ovenbird_builder.containers.pip_conf",
        "ovenbird_builder.errors",
        "ovenbird_builder.bases",
        "ovenbird.function_document",
        "ovenbird_builder.host.process",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.containers.pip_tools",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.host.network",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.request.destination": (
        "ovenbird_builder.errors",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.image_store.skopeo_client",
    ),
    "ovenbird_builder.build.run_instruction": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.build.layer_diff",
        "ovenbird_builder.errors",
        "ovenbird_builder.containers.engine_errors",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.host.network",
        "ovenbird_builder.host.process",
        "ovenbird_builder.host.secrets",
        "ovenbird_builder.containers.skopeo",
    ),
    "ovenbird_builder.publish.publish": (
        "ovenbird_builder.errors",
        "ovenbird_builder.registry",
        "ovenbird_builder.layers",
        "ovenbird_builder.request.destination",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.image_store.skopeo_client",
    ),
    "ovenbird_builder.build.plan": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.bases",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.request.build_request": (
        "ovenbird_builder.bases",
        "ovenbird_builder.cache.folder",
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.request.function_target",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.host.network",
        "ovenbird_builder.request.destination",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.host.secrets",
        "ovenbird_builder.sources.allowed_files",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.sources.allowed_files": ("ovenbird.function_document", "ovenbird_builder.errors"),
    "ovenbird_builder.sources.secret_gate": (
        "ovenbird.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.sources.allowed_files",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.build.syntax_check": (
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.host.network",
    ),
    "ovenbird_builder.sources.import_names": (),
    "ovenbird_builder.build.source_check": (
        "ovenbird.function_document",
        "ovenbird.common.module_shadowing",
        "ovenbird_builder.bases",
        "ovenbird_builder.errors",
        "ovenbird_builder.sources.import_names",
        "ovenbird_builder.layers",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.image_store.overlay_store": (
        "ovenbird_builder.containers.buildah",
        "ovenbird_builder.layers",
        "ovenbird_builder.host.process",
    ),
    "ovenbird_builder.build.mounted_check": (
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.image_store.overlay_store",
        "ovenbird_builder.host.process",
    ),
    "ovenbird_builder.build._enter_layers": (),
    "ovenbird_builder.build.image_check": (
        "ovenbird.errors",
        "ovenbird_builder.bases",
        "ovenbird_builder.image_store.stage_images",
        "ovenbird_builder.build.mounted_check",
        "ovenbird_builder.containers.working_container",
        "ovenbird_builder.errors",
        "ovenbird_builder.layers",
        "ovenbird_builder.host.process",
    ),
    "ovenbird_builder.build.execute": (
        "ovenbird_builder.image_store.stage_images",
        "ovenbird_builder.build.layer_diff",
        "ovenbird_builder.layers",
        "ovenbird_builder.host.network",
        "ovenbird_builder.build.plan",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.host.secrets",
        "ovenbird_builder.build.run_instruction",
    ),
    "ovenbird_builder.build.cache_misses": ("ovenbird_builder.build.plan", "ovenbird_builder.sources"),
    "ovenbird_builder.build.dependencies": (
        "ovenbird.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.locking",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.bases",
        "ovenbird_builder.sources",
        "ovenbird_builder.request.build_request",
    ),
    "ovenbird_builder.build.environment": (
        "ovenbird_builder.bases",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.image_store.stage_images",
        "ovenbird_builder.registry.auth_file",
        "ovenbird_builder.layers",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.image_store.skopeo_client",
        "ovenbird_builder.request.build_request",
    ),
    "ovenbird_builder.build.image_contents": (
        "ovenbird_builder.build.function_description",
        "ovenbird_builder.build.execute",
        "ovenbird_builder.build.function_document",
        "ovenbird_builder.image_store.stage_images",
        "ovenbird_builder.bases",
        "ovenbird_builder.oci.label_names",
        "ovenbird_builder.layers",
        "ovenbird_builder.build.dependencies",
        "ovenbird_builder.build.plan",
        "ovenbird_builder.sources",
        "ovenbird_builder.request.build_request",
        "ovenbird_builder.locking",
    ),
    "ovenbird_builder.build.prepare": (
        "ovenbird.__version__",
        "ovenbird_builder.build.execute",
        "ovenbird_builder.bases",
        "ovenbird_builder.build.image_contents",
        "ovenbird_builder.errors",
        "ovenbird_builder.build.dependencies",
        "ovenbird_builder.build.plan",
        "ovenbird_builder.cache.secret_fingerprint",
        "ovenbird_builder.sources",
        "ovenbird_builder.request.build_request",
        "ovenbird_builder.locking",
        "ovenbird_builder.build.environment",
        "ovenbird_builder.build.syntax_check",
        "ovenbird.errors",
        "ovenbird_builder.build.source_check",
        "ovenbird_builder.layers",
    ),
    "ovenbird_builder.bundle_archive": (
        "ovenbird_builder.build.function_document",
        "ovenbird_builder.errors",
        "ovenbird_builder.bases",
        "ovenbird_builder.layers",
        "ovenbird_builder.locking",
        "ovenbird_builder.build.prepare",
        "ovenbird_builder.sources",
        "ovenbird_builder.request.build_request",
    ),
    "ovenbird_builder.build.pipeline": (
        "ovenbird_builder.bases",
        "ovenbird.__version__",
        "ovenbird_builder.sources.allowed_files",
        "ovenbird_builder.sources.secret_gate",
        "ovenbird_builder.build.attestations",
        "ovenbird_builder.build.execute",
        "ovenbird_builder.publish.publish",
        "ovenbird_builder.build.cache_misses",
        "ovenbird_builder.layers",
        "ovenbird_builder.build.dependencies",
        "ovenbird_builder.build.prepare",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.build.report",
        "ovenbird_builder.sources",
        "ovenbird_builder.request.build_request",
        "ovenbird_builder.build.environment",
        "ovenbird_builder.build.writeback",
        "ovenbird_builder.build.image_check",
    ),
    "ovenbird_builder.build.batch": (
        "ovenbird.errors",
        "ovenbird_builder.errors",
        "ovenbird_builder.build.pipeline",
        "ovenbird_builder.host.progress",
        "ovenbird_builder.build.report",
        "ovenbird_builder.request.build_request",
        "ovenbird_builder.build.environment",
    ),
    "ovenbird_builder.build.ci_outputs": (
        "ovenbird_builder.build.batch",
        "ovenbird_builder.build.report",
    ),
    "ovenbird_builder.kubernetes": (
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird_builder.errors",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.oci.reference",
    ),
    # what `ovenbird check --strict` asks of a document
    "ovenbird_builder.request.document_check": (
        "ovenbird.common.source_url",
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.common.git_url",
        "ovenbird_builder.bases",
        "ovenbird_builder.errors",
        "ovenbird_builder.request.run_instruction",
        "ovenbird_builder.locking",
        "ovenbird_builder.host.network",
        "ovenbird_builder.oci.reference",
        "ovenbird_builder.sources",
    ),
    "ovenbird_builder.containers.engines": (
        "ovenbird_builder.errors",
        "ovenbird_builder.containers.engine_errors",
        "ovenbird_builder.host.process",
        "ovenbird_builder.oci.reference",
    ),
    # what a run is told lies in the table of the wrapper's settings, and nowhere else
    "ovenbird_builder.runner.run_spec": (
        "ovenbird.settings",
        "ovenbird_builder.errors",
    ),
    "ovenbird_builder.commands.container": (
        "ovenbird_builder",
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.__version__",
    ),
    "ovenbird_builder.commands": (
        "ovenbird_builder",
        "ovenbird.function_document",
        "ovenbird.errors",
        "ovenbird.settings",
        "ovenbird.__version__",
    ),
    "ovenbird_builder.cli": (
        "ovenbird_builder.commands.missing_packages",
        "ovenbird_builder.commands",
        "ovenbird.errors",
        "ovenbird.command_line.verb_parser",
    ),
    "ovenbird_builder.commands.missing_packages": (),
}
# what may not use the leaves of `common` at large, as it lies below them
_BUILDER_LEAVES = ("ovenbird_builder.host", "ovenbird_builder.oci.media_types")
_COMMON: dict[str, tuple[str, ...]] = {
    name: ()
    for name in MAY_IMPORT
    if name.startswith("ovenbird.common") or name in ("ovenbird.errors", "ovenbird", "ovenbird_builder.oci.media_types")
}
# package -> the only modules that may import it
ONLY_IN: dict[str, tuple[str, ...]] = {
    "starlette": ("ovenbird.serve",),
    "uvicorn": (
        "ovenbird.serve.server.worker",
        "ovenbird.serve.server.engine",
        "ovenbird.serve.server.http_server",
        "ovenbird.serve.server.uvicorn_adapter",
    ),
    # what uvicorn keeps to itself: one module reaches for it
    "uvicorn.protocols": ("ovenbird.serve.server.uvicorn_adapter",),
    "uvicorn.server": (),
    "uvloop": ("ovenbird.serve.server.worker",),
    "opentelemetry": ("ovenbird.serve.observability.otel",),
    "watchfiles": ("ovenbird.serve.server.reload",),
    "yaml": (
        "ovenbird.platform.entities.entity_file",
        "ovenbird.common.yaml_load",
        "ovenbird_builder.kubernetes.render",
    ),
    "sqlite3": ("ovenbird.platform",),
    "obstore": ("ovenbird.common.object_storage", "ovenbird.platform", "ovenbird_builder.sources.s3"),
    "git": ("ovenbird_builder.sources.git_command",),
    "poetry": ("ovenbird_builder.locking.projects.poetry",),
    "pathspec": ("ovenbird_builder.sources.ignore", "ovenbird_builder.sources.allowed_files"),
    "rich": ("ovenbird_builder.host.progress", "ovenbird_builder.commands"),
    "subprocess": ("ovenbird_builder.host.process",),
    "dulwich": ("ovenbird.job.sources.git_fetch", "ovenbird.job.sources.git_http", "ovenbird.job.sources.checkout"),
    "urllib3": ("ovenbird.platform.storage.http_pool", "ovenbird_builder.registry"),
    "cyclonedx": ("ovenbird_builder.attestations.cyclonedx",),
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
    assert "ovenbird.job.platform_run" in edges["ovenbird.job.entrypoint"]  # inside a function
    assert "ovenbird.platform.store" in edges["ovenbird.platform.store_factory"]  # for type checkers
    assert " -> ".join(find_cycle(edges)) == ""


def test_every_layer_exists() -> None:
    """The table names no module that is gone, so that it cannot rot."""
    assert set(MAY_IMPORT) <= {name for name, _ in modules()}
