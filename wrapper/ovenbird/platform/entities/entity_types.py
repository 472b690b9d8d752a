"""Every type of entity: importing this makes `entity_of` and `read_entity` know all of them."""

from __future__ import annotations

from .entity import CLASSES, entity_of, read_entity
from .file_entity import Artifact, Dataitem, Model
from .run import FunctionRevision, Run
from .secret import Secret

__all__ = ["CLASSES", "Artifact", "Dataitem", "FunctionRevision", "Model", "Run", "Secret", "entity_of", "read_entity"]
