"""The methods that a project has for each type of entity, made once for all types.

Each function returns a method of a project: `list_artifacts = list_method(Artifact)`. An editor shows the protocol, and
`inspect.signature` the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from .part import ProjectPart, delete_entities, import_entity, list_entities, list_versions, update_entity

if TYPE_CHECKING:
    from ..entities.entity import Entity
    from ..entities.file_entity import FileEntity

E = TypeVar("E", bound="Entity")
F = TypeVar("F", bound="FileEntity")
Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)


class ListMethod(Protocol[Made]):
    """Return the latest entity of each name, or with `versions="all"` every one; see `find_entities`."""

    def __call__(
        self, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[Made]: ...  # fmt: skip


class ImportMethod(Protocol[Made_co]):
    """Add an entity from a YAML file that `export` has written, or from a key; `reset_id`: as a new version."""

    def __call__(self, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Made_co: ...


class DeleteMethod(Protocol):
    """Forget a version (a key, or a name and `entity_id`), or all of a name; with `cascade` its files too."""

    def __call__(
        self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False, cascade: bool = True
    ) -> None: ...


class NewMethod(Protocol[Made_co]):
    """Record an entity that lies at `path` (a local path or a URL) and stays there; `kwargs` go to its spec."""

    def __call__(
        self, name: str, kind: str = ..., uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, path: str | None = None,
        extensions: list[Any] | None = None, **kwargs: Any,
    ) -> Made_co: ...  # fmt: skip


class LogMethod(Protocol[Made_co]):
    """Store files (`source`: a path, or several) as an entity of the kind; `kwargs` go to its spec."""

    def __call__(
        self, name: str, kind: str = ..., source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Made_co: ...  # fmt: skip


class LogKindMethod(Protocol[Made_co]):
    """Store files (`source`: a path, or several) as an entity of one kind; `kwargs` go to its spec."""

    def __call__(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Made_co: ...  # fmt: skip


def list_method(entity_type: type[E]) -> ListMethod[E]:
    """Return `list_*` of a type of entity."""

    def list_(
        project: ProjectPart, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[Any]:  # fmt: skip
        return list_entities(
            project, entity_type.TYPE, q=q, name=name, kind=kind, user=user, state=state, created=created,
            updated=updated, versions=versions,
        )  # fmt: skip

    return cast("ListMethod[E]", _describe(list_, f"list_{entity_type.TYPE}s", ListMethod))


def versions_method(entity_type: type[E]) -> Callable[[str], list[E]]:
    """Return `get_*_versions` of a type of entity."""

    def get_versions(project: ProjectPart, identifier: str) -> list[Any]:
        """Return every version of a name, or of the name in a key, newest first."""
        return list_versions(project, entity_type.TYPE, identifier)

    get_versions.__name__ = f"get_{entity_type.TYPE}_versions"
    return cast("Callable[[str], list[E]]", get_versions)


def import_method(entity_type: type[E]) -> ImportMethod[E]:
    """Return `import_*` of a type of entity."""

    def import_(project: ProjectPart, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Any:
        return import_entity(project, entity_type.TYPE, file, key, reset_id)

    return cast("ImportMethod[E]", _describe(import_, f"import_{entity_type.TYPE}", ImportMethod))


def update_method(entity_type: type[E]) -> Callable[[E], E]:
    """Return `update_*` of a type of entity."""

    def update(project: ProjectPart, entity: Entity) -> Any:
        """Store the changes of an entity's metadata and status; return it."""
        return update_entity(project, entity_type.TYPE, entity)

    update.__name__ = f"update_{entity_type.TYPE}"
    return cast("Callable[[E], E]", update)


def delete_method(entity_type: type[Entity]) -> DeleteMethod:
    """Return `delete_*` of a type of entity."""

    def delete(
        project: ProjectPart, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False,
        cascade: bool = True,
    ) -> None:  # fmt: skip
        delete_entities(project, entity_type.TYPE, identifier, entity_id, every=delete_all_versions, with_files=cascade)

    return cast("DeleteMethod", _describe(delete, f"delete_{entity_type.TYPE}", DeleteMethod))


def new_method(entity_type: type[F]) -> NewMethod[F]:
    """Return `new_*` of a type of entity with files."""

    def new(
        project: ProjectPart, name: str, kind: str = entity_type.TYPE, uuid: str | None = None,
        description: str | None = None, labels: list[str] | None = None, embedded: bool = False,
        path: str | None = None, extensions: list[Any] | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        options = {
            "uuid": uuid, "description": description, "labels": labels, "embedded": embedded, "extensions": extensions,
        }  # fmt: skip
        return project._new(entity_type, name, kind, path, **options, **kwargs)

    return cast("NewMethod[F]", _describe(new, f"new_{entity_type.TYPE}", NewMethod))


def log_method(entity_type: type[F]) -> LogMethod[F]:
    """Return `log_*` of a type of entity with files."""

    def log(
        project: ProjectPart, name: str, kind: str = entity_type.TYPE, source: Any = None, drop_existing: bool = False,
        path: str | None = None, description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return project._log(entity_type, name, kind, source, **options, **kwargs)

    return cast("LogMethod[F]", _describe(log, f"log_{entity_type.TYPE}", LogMethod))


def log_kind_method(entity_type: type[F], kind: str, **spec: Any) -> LogKindMethod[F]:
    """Return `log_generic_*`, `log_sklearn` and the like: of one kind, with these fields of the spec by default."""

    def log(
        project: ProjectPart, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return project._log(entity_type, name, kind, source, **options, **{**spec, **kwargs})

    name = f"log_generic_{kind}" if kind == entity_type.TYPE else f"log_{kind}"
    return cast("LogKindMethod[F]", _describe(log, name, LogKindMethod))


def _describe(method: Callable[..., Any], name: str, protocol: type) -> Callable[..., Any]:
    """Give a method the name by which it is called, and the text of its protocol."""
    method.__name__, method.__doc__ = name, protocol.__doc__
    return method
