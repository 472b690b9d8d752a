"""A project: what user code stores in and reads from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...common.text import show_value
from ...errors import InputError, OutputError
from .. import keys
from ..entities.attr_dict import AttrDict
from ..entities.entity import Described, new_record
from ..entities.file_entity import MATERIALS, Artifact, Dataitem, FileEntity, Model
from ..entities.run import FunctionRevision, Run
from ..store import EntityStore

if TYPE_CHECKING:
    from ..entities.entity import Entity
    from .methods import Methods
else:
    Methods = object

M = TypeVar("M", bound=FileEntity)
E = TypeVar("E", bound="Entity")
Source = str | Path | Sequence[str | Path]
KINDS = {"artifact": "artifact", "dataitem": "dataitem", "table": "dataitem", "croissant": "dataitem",
         "model": "model", "sklearn": "model", "mlflow": "model", "huggingface": "model"}  # fmt: skip
"""The kinds that the platform knows, and the type of entity each belongs to."""
_NOT_SPEC = ("description", "labels", "uuid", "embedded", "extensions")


def resolve_project_name(flag: str, environ: Mapping[str, str], documented: str) -> str:
    """Return the project's name: the flag, else `PROJECT_NAME`, else the function document's, else `default`."""
    return flag or environ.get("PROJECT_NAME") or documented or "default"


class Project(Described, Methods):
    """The entities of one project.

    With a `run`, whatever is stored is linked to it as `produced_by`, and whatever is read is what it `consumes`.
    `files_store` is the folder or URL below which files go; default what the platform says, else
    DHCORE_DEFAULT_FILES_STORE, else the store's own. Files that could not be sent are saved in the folder `rescue`, if
    given.
    """

    def __init__(
        self,
        store: EntityStore,
        name: str,
        environ: Mapping[str, str],
        *,
        files_store: str = "",
        run: Run | None = None,
        rescue: Path | None = None,
    ) -> None:
        self.name = self.id = keys.check_name(name, "project")
        self.kind = "project"
        self.key = f"{keys.SCHEME}{name}"
        self._store, self._environ, self._run = store, store.storage_environ(environ), run
        self._asked_files_store, self._rescue = files_store, rescue

    def __repr__(self) -> str:
        return f"<Project {self.name}>"

    if not TYPE_CHECKING:

        @property
        def metadata(self) -> AttrDict:
            """Return the project's metadata: description, labels, ..."""
            return self._document["metadata"]

        @property
        def spec(self) -> AttrDict:
            """Return how the project is set up."""
            return self._document["spec"]

        @property
        def status(self) -> AttrDict:
            """Return the state of the project."""
            return self._document["status"]

        @property
        def user(self) -> str:
            """Return the user who created the project."""
            return self._document["user"]

        def __getattr__(self, name: str) -> Any:  # list_*, delete_*, save, secrets, ...: each in a module of its own
            from .methods import find_method

            return find_method(self, name)

        def __dir__(self) -> list[str]:
            from .methods import method_names

            return [*super().__dir__(), *method_names()]

    @cached_property
    def _document(self) -> AttrDict:
        """Return the record of the project; it is read at the first use."""
        return AttrDict(self._store.read_project(self.name))

    def get_artifact(self, identifier: str, entity_id: str | None = None) -> Artifact:
        """Return the artifact of a key, or of a name: the latest, or the version `entity_id`."""
        return self._get(Artifact, identifier, entity_id)

    def get_dataitem(self, identifier: str, entity_id: str | None = None) -> Dataitem:
        """Return the data item of a key, or of a name."""
        return self._get(Dataitem, identifier, entity_id)

    def get_model(self, identifier: str, entity_id: str | None = None) -> Model:
        """Return the model of a key, or of a name."""
        return self._get(Model, identifier, entity_id)

    def get_run(self, identifier: str) -> Run:
        """Return the run of a key, or of an id."""
        key = keys.parse_key(identifier) if keys.is_key(identifier) else keys.run_key(self.name, identifier)
        run = Run(self._store, self._store.read(self._own(key, "run")), self._environ)
        run._reader = self._run if self._run is None or self._run.id != run.id else None
        return run

    def get_material(self, key: str) -> FileEntity:
        """Return the artifact, data item or model of a key."""
        parsed = keys.parse_key(key)
        if parsed.type not in MATERIALS:
            raise InputError(f"{key} is a {parsed.type}, not an input", hint="a dataitem, an artifact or a model")
        return self._get(MATERIALS[parsed.type], key, None)

    def register_function(self, name: str, spec: Mapping[str, Any], kind: str = "python") -> FunctionRevision:
        """Return the revision of the function that has this spec; a new one when the latest differs."""
        if known_record := self._store.find_revision(self.name, name, kind, spec):
            return FunctionRevision(self._store, known_record, self._environ)
        record = new_record(self.name, "function", kind, name, spec=spec)
        record["status"]["state"] = "READY"
        self._store.create(record)
        return FunctionRevision(self._store, record, self._environ)

    def referenced(self, name: str, kind: str, path: str) -> Dataitem:
        """Return the data item at `path`, read by the run: the latest of the name, or a new one.

        It is a new one if that lies elsewhere, or if the content has changed. Content behind a URL is looked at when it
        is fetched. What is secret in a URL is not recorded; the data item that is returned reads its file with it.
        """
        from ..entities import input_versions

        return input_versions.resolve_path(self, name, kind, path)

    def adopt(self, entity: FileEntity) -> None:
        """Link an entity to the run that made it."""
        if self._run is not None:
            entity.relate("produced_by", self._run.key)
            self._run.logged.append(entity)

    def adopt_foreign(self, entity: Any) -> str:
        """Link an entity of the platform's SDK to the run, and return its key. Errors: OutputError with the reason."""
        try:
            if self._run is not None:
                entity.add_relationship("produced_by", self._run.key)
                entity.save(update=True)
            return str(entity.key)
        except Exception as error:  # the SDK raises classes of its own
            raise OutputError(f"the SDK's {type(entity).__name__} was not stored: {error}") from error

    def _log(
        self,
        entity_class: type[M],
        name: str,
        kind: str,
        source: Source | None,
        *,
        data: Any = None,
        write: Callable[[Path], str | None] | None = None,
        filename: str = "",
        path: str | None = None,
        drop_existing: bool = False,
        status: Mapping[str, Any] | None = None,
        reader: Mapping[str, Any] | None = None,
        keep_dir_structure: bool = False,
        **options: Any,
    ) -> M:
        """Store an entity from `source` (a path, or several), `data` (a DataFrame, bytes, text) or `write`.

        `path`: where the files go instead of the files store. `drop_existing`: older versions of the name are
        forgotten. `keep_dir_structure`: listed files keep the folders of their paths. `description` and `labels` go to
        the metadata, other options to the spec. OutputError names what was stored and what was not.
        """
        from ..entities import upload, upload_content

        keys.check_name(name, f"{entity_class.TYPE} name", OutputError)
        if keep_dir_structure:
            from ..entities.overwrite import stage_tree

            source = stage_tree(source, Path.cwd())
        content = upload_content.make_content(
            name, kind, source=source, data=data, write=write, filename=filename, reader=reader
        )
        entity = self._entity(entity_class, name, kind, content.spec | options)
        if drop_existing:
            for row in self._store.list_summaries(entity_class.TYPE, project=self.name, name=name):
                self._store.remove(keys.parse_key(row.key))
        target = path or "/".join(
            (self._files_store(), self.name, entity_class.TYPE, name, entity.id, content.filename)
        )
        entity.status.update({**content.status, **(status or {})})
        if entity_class is Model:
            from ..entities.model_environment import describe_environment

            entity.status.update(describe_environment())
        self.adopt(entity)
        try:
            upload.upload_entity(
                entity, target, self._environ, content.content, self._rescue, "" if path else self._files_store()
            )
        except BaseException:
            if self._run is not None and entity in self._run.logged:
                self._run.logged.remove(entity)
            raise
        return entity

    def _files_store(self) -> str:
        return (self._asked_files_store or self._store.files_store(self.name, self._environ)).rstrip("/")

    def _new(self, entity_class: type[M], name: str, kind: str, path: str | None, **options: Any) -> M:
        entity = self._entity(entity_class, name, kind, {**options, "path": path})
        entity.status.state = "READY"
        entity.save()
        return entity

    def _entity(self, entity_class: type[M], name: str, kind: str, options: Mapping[str, Any]) -> M:
        """Return a new entity that is not stored yet."""
        if options.get("extensions"):
            raise InputError(f"{entity_class.TYPE} {show_value(name)}: extensions of entities are not kept by Ovenbird")
        spec = {key: value for key, value in options.items() if key not in _NOT_SPEC}
        record = new_record(self.name, entity_class.TYPE, kind, name, identity=options.get("uuid"), spec=spec)
        record["metadata"].update({key: options[key] for key in ("description", "labels") if options.get(key)})
        entity = entity_class(self._store, record, self._environ)
        entity._is_saved = False
        return entity

    def _get(self, entity_class: type[E], identifier: str, identity: str | None, consume: bool = True) -> E:
        if keys.is_key(identifier):
            key = keys.parse_key(identifier)
        else:
            key = keys.EntityKey(
                self.name, entity_class.TYPE, "", keys.check_name(identifier, f"{entity_class.TYPE} name"), identity
            )
        entity = entity_class(self._store, self._store.read(self._own(key, entity_class.TYPE)), self._environ)
        if self._run is not None and consume:
            self._run.consume(entity.key)
        return entity

    def _own(self, key: keys.EntityKey, entity_type: str) -> keys.EntityKey:
        if key.type != entity_type:
            raise InputError(f"{key} is a {key.type}, not a {entity_type}", hint=f"`get_{key.type}` reads it")
        if key.project != self.name:
            hint = f"run with `--project {key.project}`, or copy the {key.type} into {self.name}"
            raise InputError(
                f"{key} belongs to the project {show_value(key.project)}, not to {show_value(self.name)}", hint=hint
            )
        return key
