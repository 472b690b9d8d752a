"""Each kind of field, and its value as it arrived."""

import dataclasses
import datetime
import enum
import uuid
from typing import Annotated, Any, Literal

import msgspec


class Colour(enum.Enum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    """A nested object."""

    x: int
    y: float = 0.0


def handler(
    count: Annotated[int, msgspec.Meta(ge=1, le=100)],
    name: str,
    share: float = 0.5,
    loud: bool = False,
    mode: Literal["fast", "exact"] = "fast",
    colour: Colour = Colour.RED,
    day: datetime.date | None = None,
    moment: datetime.datetime | None = None,
    hour: datetime.time = datetime.time(12, 30),
    tags: list[str] = [],  # noqa: B006
    colours: list[Colour] = [],  # noqa: B006
    point: Point = Point(1),  # noqa: B008
    anything: Any = None,
    identity: uuid.UUID | None = None,
    prompt: str = "Say\nit.",
    picture: bytes = b"",
    api_key: str = "hidden",
) -> dict[str, Any]:
    """Return the arguments as they arrived.

    Each has another kind of field, and <b>markup</b> stays text.

        handler(count=3, name="Ada")

    Args:
        count: how many there are
        name: of whom
        point: where it is, as {"x": 1, "y": 2}
        picture: its bytes are sent as base64
    """
    return {
        "count": count, "name": name, "share": share, "loud": loud, "mode": mode, "colour": colour.value, "day": day,
        "moment": moment, "hour": hour, "tags": tags, "colours": [one.value for one in colours], "point": point,
        "anything": anything, "identity": identity, "prompt": prompt, "picture": len(picture), "key": len(api_key),
    }  # fmt: skip
