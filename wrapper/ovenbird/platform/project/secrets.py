"""Methods of a project for secrets. Names are in records, values are stored separately."""

from __future__ import annotations

from typing import Any, cast

from ...common.text import show_value
from ...errors import InputError, PlatformError
from .. import keys
from ..entities.entity import new_record
from ..entities.secret import Secret
from .part import ProjectPart, create_entity, delete_entities, import_entity, list_entities, update_entity


class ProjectSecrets(ProjectPart):
    """The methods of a project for secrets."""

    def new_secret(
        self, name: str, uuid: str | None = None, description: str | None = None, labels: list[str] | None = None,
        embedded: bool = False, secret_value: str | None = None, **kwargs: Any,
    ) -> Secret:  # fmt: skip
        """Record a secret and store its value. Errors: InputError without a value."""
        if not isinstance(secret_value, str):
            raise InputError(f"secret {show_value(name)}: secret_value is {type(secret_value).__name__}, not text")
        metadata = {"description": description, "labels": labels, "embedded": embedded}
        fields = {field: value for field, value in metadata.items() if value}
        spec = {"path": f"secret://{name}", "provider": "kubernetes", **kwargs}
        secret = cast("Secret", create_entity(self, "secret", "secret", name, spec, fields, uuid))
        try:
            secret.set_secret_value(secret_value)
        except PlatformError:  # a database takes no values
            self._store.remove(keys.parse_key(secret.key))
            raise
        return secret

    def get_secret(self, identifier: str, entity_id: str | None = None) -> Secret:
        """Return the secret of a key or of a name; if it is not recorded, use the environment variable of that name.

        Errors: InputError.
        """
        try:
            return cast("Secret", self._get(Secret, identifier, entity_id, consume=False))
        except InputError:
            if keys.is_key(identifier) or entity_id is not None or identifier not in self._environ:
                raise
        secret = Secret(self._store, new_record(self.name, "secret", "secret", identifier), self._environ)
        secret._is_saved = False
        return secret

    def list_secrets(self) -> list[Secret]:
        """Return the secrets that are recorded, without their values."""
        return list_entities(self, "secret")

    def import_secret(self, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Secret:
        """Record a secret from a YAML file, or from a key; its value has to be set."""
        return cast("Secret", import_entity(self, "secret", file, key, reset_id))

    def update_secret(self, entity: Secret) -> Secret:
        """Store the changes of a secret's metadata."""
        return cast("Secret", update_entity(self, "secret", entity))

    def delete_secret(self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False) -> None:
        """Delete a secret (a key, or a name and `entity_id`), or all versions of a name, and its value."""
        name = keys.parse_key(identifier).name if keys.is_key(identifier) else identifier
        delete_entities(self, "secret", identifier, entity_id, every=delete_all_versions, with_files=False)
        if not self._store.list_summaries("secret", project=self.name, name=name, limit=1):
            self._store.write_secret(self.name, name, None)
