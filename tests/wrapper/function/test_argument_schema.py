"""The schema of a handler's arguments."""

from __future__ import annotations

from jsonschema import Draft202012Validator
from tests.loading import Project

from ovenbird.function.argument_schema import make_argument_schema

TEXT = '''
import dataclasses
@dataclasses.dataclass
class Point:
    x: int
def handler(context, point: Point, n: int = 2, *, token: str = "t"):
    """Draw.

    :param n: how many
    """
'''


def test_it_is_a_schema_of_all_arguments(project: Project) -> None:
    """Injected arguments are not in it; classes are in `$defs`; a secret's default is left out."""
    schema = make_argument_schema(project.handler(TEXT))
    Draft202012Validator.check_schema(schema)
    assert schema["properties"] == {
        "point": {"$ref": "#/$defs/Point"},
        "n": {"description": "how many", "type": "integer", "default": 2},
        "token": {"type": "string"},
    }
    assert schema["required"] == ["point"]
    assert schema["additionalProperties"] is False
    assert not list(Draft202012Validator(schema).iter_errors({"point": {"x": 1}}))


def test_an_application_takes_anything(project: Project) -> None:
    """An application has no contract."""
    schema = make_argument_schema(project.handler("async def handler(scope, receive, send): ..."))
    assert schema["properties"] == {}
    assert schema["additionalProperties"] is True


def test_a_class_without_a_schema_takes_anything(project: Project) -> None:
    """The other arguments keep theirs."""
    text = (
        "import pydantic, collections.abc\nclass Model(pydantic.BaseModel):\n"
        "    call: collections.abc.Callable[[int], int]\ndef handler(model: Model, n: int): ..."
    )
    schema = make_argument_schema(project.handler(text))
    assert schema["properties"] == {"model": {}, "n": {"type": "integer"}}
