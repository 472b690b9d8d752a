"""Return one value of each kind, by name."""

import collections
import datetime
import decimal
import enum
import types
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import BaseModel

HERE = Path(__file__).parent


@dataclass
class Point:
    x: int
    y: float


class Item(msgspec.Struct):
    name: str
    price: float


class Model(BaseModel):
    name: str
    born: datetime.date


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


Pair = collections.namedtuple("Pair", "status body")


class Strange:
    def __str__(self):
        return "strange-text"


class Alike:
    """What nuclio's Response looks like."""

    body = None
    headers = None
    content_type = None
    status_code = 200

    def __init__(self, body, headers, content_type, status_code):
        self.body, self.headers, self.content_type, self.status_code = body, headers, content_type, status_code


def _frame(package):
    columns = {"n": [1, 2], "text": ["a", None], "x": [0.5, float("nan")]}
    if package == "pandas":
        import pandas

        return pandas.DataFrame(columns)
    import polars

    return polars.DataFrame(columns)


def _numpy(make):
    import numpy

    return make(numpy)


def _figure():
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    return figure


def _figures_kept():
    from matplotlib import pyplot

    return len(pyplot.get_fignums())


def _image():
    from PIL import Image

    return Image.new("RGB", (3, 2), "red")


def _starlette(name, *args, **kwargs):
    from starlette import responses

    return getattr(responses, name)(*args, **kwargs)


def _background():
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("soon", background=BackgroundTask(Path("background.txt").write_text, "done"))


def _cookies():
    response = _starlette("PlainTextResponse", "two cookies")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def _pieces():
    for number in range(3):
        yield f"{number},"


def _numbers():
    yield from ({"n": 1}, {"n": 2})


def _lines():
    yield "two\nlines"
    yield {"n": 1}
    yield b"bytes"


def _event_of(data, **attributes):
    from ovenbird.function.cloudevent import CloudEvent

    return CloudEvent({"id": "1", "source": "/here", "type": "test.made", **attributes}, data)


def _event(**attributes):
    from ovenbird.function.cloudevent import CloudEvent

    return CloudEvent(
        {"id": "1", "source": "/here", "type": "test.made", "subject": "größe 5%", **attributes}, {"a": 1}
    )


def _users_event():
    from cloudevents.http import CloudEvent

    return CloudEvent({"id": "2", "source": "/there", "type": "test.made"}, {"b": 2})


def _itself():
    rows = []
    rows.append(rows)
    return rows


CASES = {
    "none": lambda c: None,
    "str": lambda c: "grüße",
    "str_enum": lambda c: Word.YES,
    "bytes": lambda c: b"\x00\xff\n",
    "bytearray": lambda c: bytearray(b"ab"),
    "memoryview": lambda c: memoryview(b"cd"),
    "dict": lambda c: {"a": [1, None, True], "b": {"c": "ü"}},
    "list": lambda c: [1, "two", None],
    "empty_list": lambda c: [],
    "int": lambda c: 7,
    "float": lambda c: 2.5,
    "true": lambda c: True,
    "big": lambda c: {"n": 2**70, "nan": float("nan"), "when": datetime.date(2024, 2, 29)},
    "big_alone": lambda c: -(2**64),
    "nan": lambda c: [float("nan"), float("inf"), 1.0],
    "dataclass": lambda c: Point(1, 2.0),
    "struct": lambda c: Item("tea", 1.5),
    "structs": lambda c: [Item("tea", 1.5)],
    "pydantic": lambda c: Model(name="Ada", born=datetime.date(1815, 12, 10)),
    "pydantics": lambda c: {"found": [Model(name="Ada", born=datetime.date(1815, 12, 10))]},
    "numpy_int": lambda c: _numpy(lambda np: np.int64(5)),
    "numpy_float": lambda c: _numpy(lambda np: np.float64(0.5)),
    "numpy_float32": lambda c: _numpy(lambda np: np.float32(0.5)),
    "numpy_bool": lambda c: _numpy(lambda np: np.bool_(True)),
    "numpy_array": lambda c: _numpy(lambda np: np.array([[1.0, np.nan], [3.0, 4.0]])),
    "numpy_within": lambda c: _numpy(lambda np: {"a": np.arange(3), "b": np.float64(1.5), "c": np.int8(3)}),
    "datetime": lambda c: datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc),
    "date": lambda c: datetime.date(2024, 2, 29),
    "uuid": lambda c: uuid.UUID(int=1),
    "decimal": lambda c: decimal.Decimal("1.10"),
    "enum": lambda c: Color.RED,
    "int_enum": lambda c: Level.HIGH,
    "set": lambda c: {4},
    "mapping": lambda c: types.MappingProxyType({"a": 1}),
    "counter": lambda c: collections.Counter("aab"),
    "pandas": lambda c: _frame("pandas"),
    "pandas_within": lambda c: {"rows": _frame("pandas")},
    "pandas_series": lambda c: _frame("pandas")["n"],
    "polars": lambda c: _frame("polars"),
    "polars_within": lambda c: {"rows": _frame("polars")},
    "polars_series": lambda c: _frame("polars")["n"],
    "figure": lambda c: _figure(),
    "figures_kept": lambda c: _figures_kept(),
    "image": lambda c: _image(),
    "path": lambda c: HERE / "table.csv",
    "path_201": lambda c: (HERE / "table.csv", 201, {"X-Kind": "file"}),
    "path_missing": lambda c: HERE / "nowhere.csv",
    "generator": lambda c: _numbers(),
    "text_generator": lambda c: (text for text in ("a", "b")),
    "bytes_generator": lambda c: (text for text in (b"a", b"b")),
    "empty_generator": lambda c: (text for text in ()),
    "async_generator": lambda c: _pieces(),
    "lines": lambda c: _lines(),
    "generator_201": lambda c: (_numbers(), 201, {"Content-Type": "application/x-special"}),
    "status_body": lambda c: (201, {"a": 1}),
    "body_status": lambda c: ({"a": 1}, 202),
    "body_status_headers": lambda c: ("<p>", 203, {"Content-Type": "text/html", "X-Many": ["1", "2"]}),
    "header_pairs": lambda c: ("x", 200, [("X-A", "1"), ("X-A", "2")]),
    "two_statuses": lambda c: (200, 404),
    "not_status": lambda c: (1, 2),
    "triple": lambda c: (1, 2, 3),
    "status_alone": lambda c: (404, None),
    "named_tuple": lambda c: Pair(200, 404),
    "204_body": lambda c: ("dropped", 204),
    "204_generator": lambda c: (_numbers(), 204),
    "304_body": lambda c: ("dropped", 304, {"ETag": '"1"'}),
    "wrong_length": lambda c: ("four", 200, {"Content-Length": "400", "Transfer-Encoding": "chunked"}),
    "response": lambda c: c.Response({"a": 1}, {"X-A": "1"}, None, 201),
    "response_text": lambda c: c.Response(body="<p>", content_type="text/html"),
    "response_empty": lambda c: c.Response(status_code=404),
    "response_bad": lambda c: c.Response(status_code=99),
    "nuclio": lambda c: Alike({"a": 1}, {"X-A": "1"}, "text/plain", 202),
    "nuclio_text": lambda c: Alike("a", {}, "text/css", 200),
    "starlette": lambda c: _starlette("JSONResponse", {"a": 1}, 418, {"X-A": "1"}),
    "starlette_204": lambda c: _starlette("Response", None, 204),
    "starlette_cookies": lambda c: _cookies(),
    "starlette_stream": lambda c: _starlette("StreamingResponse", iter(["a", "b"]), 206, media_type="text/x"),
    "starlette_file": lambda c: _starlette("FileResponse", HERE / "table.csv", filename="t.csv"),
    "starlette_redirect": lambda c: _starlette("RedirectResponse", "/elsewhere"),
    "starlette_background": lambda c: _background(),
    "background_done": lambda c: Path("background.txt").exists(),
    "cloudevent": lambda c: _event(),
    "users_cloudevent": lambda c: _users_event(),
    "event_text": lambda c: _event_of("plain"),
    "event_true": lambda c: _event_of(True),
    "event_json_text": lambda c: _event_of("plain", datacontenttype="application/json"),
    "event_plain_text": lambda c: _event_of("plain", datacontenttype="text/plain"),
    "event_bytes": lambda c: _event_of(b"plain"),
    "event_json_bytes": lambda c: _event_of(b"{}", datacontenttype="application/json"),
    "event_values": lambda c: _event_of(
        None, flag=True, n=5, time=datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    ),
    "event_surrogate": lambda c: _event_of(None, own="\ud800"),
    "injected_value": lambda c: ("x", 200, {"X-A": "1\r\nX-Evil: 1"}),
    "injected_name": lambda c: ("x", 200, {"X-A: 1\r\nX-Evil": "1"}),
    "injected_path": lambda c: (HERE / "table.csv", 200, {"X-A": "1\nX-Evil: 1"}),
    "injected_type": lambda c: c.Response("x", content_type="text/plain\r\nX-Evil: 1"),
    "header_unicode": lambda c: ("x", 200, {"X-A": "\u20ac"}),
    "strange": lambda c: Strange(),
    "strange_within": lambda c: {"a": [Strange()]},
    "type": lambda c: Strange,
    "complex": lambda c: 1j,
    "itself": lambda c: _itself(),
    "surrogate": lambda c: {"a": "\ud800"},
}


def handler(name: str, context):
    return CASES[name](context)


async def later(name: str, context):
    return CASES[name](context)
