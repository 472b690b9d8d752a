"""All types of entities. Importing this module registers them for `entity_of` and `read_entity`."""

from __future__ import annotations

from .entity import CLASSES, entity_of, read_entity
from .file_entity import Artifact, Dataitem, Model
from .run import FunctionRevision, Run
from .secret import Secret

__all__ = ["CLASSES", "Artifact", "Dataitem", "FunctionRevision", "Model", "Run", "Secret", "entity_of", "read_entity"]
