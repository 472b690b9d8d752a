"""What is captured runs in a fresh process and returns what the original returns."""

from __future__ import annotations

import functools
import os
import sqlite3
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.scripts import call_in_fresh_process, import_file, run_script

from ovenbird.capture.capture_source import capture_source
from ovenbird.errors import CaptureError

# the script, and a call of what is captured: the last function of the script that is called `f`
GOOD = {
    "imports": (
        "import os.path\nimport json as j\nfrom math import (\n    pi,\n    e,  # Euler's\n)\n"
        "def f(x):\n    return j.dumps([os.path.join('a', x), pi])\n",
        "f('b')",
    ),
    "submodules": (
        "import xml.dom\nimport xml.etree.ElementTree\n"
        "def f():\n    return xml.etree.ElementTree.fromstring('<a/>').tag, xml.dom.Node.TEXT_NODE\n",
        "f()",
    ),
    "constants": (
        "import math\nDAY = 24 * 3600\nWEEK, YEAR = 7 * DAY, 365 * DAY\nNAMES = {'a': [1, (2,)], **{'b': None}}\n"
        "TEXT = f'{DAY:>10}'.strip()\nROOT = math.sqrt(16)\nFLAGS = {n: n % 2 == 0 for n in range(4)}\n"
        "EMPTY: list[int] = []\nLESS = -DAY if DAY else 0\nNAN = float('nan')\n"
        "def f():\n    return WEEK, YEAR, NAMES, TEXT, ROOT, FLAGS, EMPTY, LESS, NAN\n",
        "f()",
    ),
    "values": (
        "import datetime, re, decimal, logging, collections, enum, typing, threading, pathlib, types\n"
        "SINCE = datetime.date(2020, 1, 2)\nWORD = re.compile(r'\\w+', re.I)\nHALF = decimal.Decimal('0.5')\n"
        "LOG = logging.getLogger(__name__)\nPair = collections.namedtuple('Pair', 'a b')\nORIGIN = Pair(0, 0)\n"
        "Color = enum.Enum('Color', 'RED GREEN')\nT = typing.TypeVar('T')\nLOCK = threading.Lock()\n"
        "HOME = pathlib.PurePosixPath('/a') / 'b'\nCOUNTS = collections.Counter('aab')\nMISSING = object()\n"
        "OPTIONS = types.SimpleNamespace(depth=3)\nBY = collections.defaultdict(list)\n"
        "def f(x: 'T' = None):\n    with LOCK:\n"
        "        return SINCE, WORD.findall('a b'), HALF, LOG.level, ORIGIN, Color.RED.name, HOME, COUNTS, OPTIONS, BY,"
        " x is MISSING\n",
        "f()",
    ),
    "helpers": (
        "def first(n):\n    return second(n - 1) if n else 'end'\n\n\n"
        "def second(n):\n    # back again\n    return first(n)\n\n\ndef unused():\n    return missing\n\n\n"
        "def f(n=3):\n    def inner(values):\n        return [first(value) for value in values]\n"
        "    return inner(range(n))\n",
        "f()",
    ),
    "classes": (
        "import dataclasses\nimport enum\nimport typing\nLIMIT = 5\n"
        "class Base:\n    limit = LIMIT\n    LIMIT = LIMIT\n    def run(self): return self.limit\n    @property\n"
        "    def twice(self): return 2 * self.limit\n    @classmethod\n    def make(cls): return cls()\n"
        "    @staticmethod\n    def three(): return 3\n"
        "class Child(Base):\n    def run(self): return super().run() + Color.RED.value\n"
        "class Color(enum.Enum):\n    RED = 1\n"
        "class Row(typing.NamedTuple):\n    a: int\n    b: 'Row | None' = None\n"
        "@dataclasses.dataclass\nclass Config:\n    depth: int = LIMIT\n    rows: list[Row] = dataclasses.field("
        "default_factory=list)\nCONFIG = Config(depth=2)\n"
        "def f():\n    return Child.make().run(), Child().twice, Child.three(), Row(1), CONFIG, Base.LIMIT\n",
        "f()",
    ),
    "object of a decorator": (
        "class Task:\n    def __init__(self, run): self.name = run.__name__\n    def __call__(self): return self.name\n"
        "@Task\ndef f():\n    return 1\n",
        "f()",
    ),
    "decorators": (
        "import functools\nCALLS = 'calls'\n"
        "def repeat(times):\n    def decorate(function):\n        @functools.wraps(function)\n"
        "        def inner(*args):\n            return [CALLS, *(function(*args) for _ in range(times))]\n"
        "        return inner\n    return decorate\n"
        "def plain(function):\n    def inner(*args):\n        return function(*args), 'plain'\n    return inner\n"
        "@functools.lru_cache(maxsize=None)\ndef cached(n):\n    return n * 2\n"
        "@plain\n@repeat(times=2)\ndef f(x):\n    return cached(x)\n",
        "f(4)",
    ),
    "handler": (
        "from ovenbird import handler\n@handler(outputs=['rows'])\ndef f(x: int) -> int:\n    return x\n",
        "f(4), f.__ovenbird_outputs__",
    ),
    "dispatch": (
        "from functools import singledispatch\n@singledispatch\ndef area(x):\n    return 0\n"
        "@area.register\ndef _(x: int):\n    return x * scale()\n@area.register(str)\ndef _(x):\n    return len(x)\n"
        "def scale():\n    return 10\ndef f():\n    return area(2), area('abc'), area(None)\n",
        "f()",
    ),
    "postponed": (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from decimal import Decimal\nclass Node:\n    pass\n"
        "def f(a: Decimal | None = None, b: Node | None = None) -> Later:\n"
        "    return sorted(f.__annotations__.items())\n"
        "class Later:\n    pass\n",
        "f()",
    ),
    "branches": (
        "import sys\ntry:\n    import no_such_json as json\nexcept ImportError:\n    import json\n"
        "if sys.version_info >= (3, 0):\n    def text(x):\n        return str(x)\nelse:\n    text = None\n"
        "if len(sys.argv) >= 0:\n    device = 'cpu'\nelse:\n    device = 'gpu'\n"
        "def f():\n    return json.dumps(text(1)), device\n",
        "f()",
    ),
    "guard": (
        "print_calls = []\ndef f():\n    '''Add.\n\n    >>> f()\n    3\n    '''\n    return 3\n"
        "if __name__ == '__main__':\n    result = f()\n",
        "f()",
    ),
    "async": (
        "import asyncio\nasync def wait(n):\n    await asyncio.sleep(0)\n    return n\n"
        "async def f(n):\n    return [await wait(value) async for value in each(n)]\n"
        "async def each(n):\n    for value in range(n):\n        yield value\n",
        "__import__('asyncio').run(f(3))",
    ),
    "generator": ("STEP = 2\ndef f(n):\n    yield from range(0, n, STEP)\n", "list(f(5))"),
    "lambda": ("TWO = 2\nKEYS = {'a': lambda row: row['a'] * TWO}\nf = lambda row: KEYS['a'](row)\n", "f({'a': 3})"),
    "class as a handler": ("SCALE = 3\nclass f:\n    def __call__(self, x):\n        return x * SCALE\n", "f()(2)"),
    "global statement": (
        "_count = 0\n_model = None\ndef f():\n    global _count, _model\n    _count += 1\n    _model = object()\n"
        "    return _count\n",
        "f(), f()",
    ),
    "init": (
        "SIZE = 4\ndef init(context, depth=SIZE):\n    global model\n    model = depth\n"
        "def close():\n    pass\ndef f(x):\n    return model * x\ninit(None, 9)\n",
        "init(None), f(2), close()",
    ),
    "semicolons": ("A = 1; B = 2\ndef f(): return A + B\nf();\n", "f()"),
    "comments": (
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# how deep\n# to go\nDEPTH = 3  # levels\n\n# what it is for\n"
        "def f():\n    # inside\n    return DEPTH  # é\n",
        "f()",
    ),
    "newest": ("X = 1\ndef f():\n    return X\nX = 2\ndef f():\n    return X + 1\n", "f()"),
    "numpy": (
        "import numpy as np\nWEIGHTS = np.array([1.0, 2.0])\nSCALE = np.float32(2)\ndef f():\n"
        "    return (WEIGHTS * SCALE).tolist()\n",
        "f()",
    ),
    "pydantic": (
        "import pydantic\nclass Item(pydantic.BaseModel):\n    name: str = 'a'\n    @pydantic.field_validator('name')\n"
        "    @classmethod\n    def check(cls, value):\n        return value.upper()\n"
        "ITEM = Item(name='b')\ndef f(item: Item = None):\n    return (item or ITEM).name\n",
        "f()",
    ),
    "msgspec": (
        "import msgspec\nclass Item(msgspec.Struct, frozen=True):\n    name: str\n    size: int = 3\n"
        "ITEM = Item('a')\nDECODER = msgspec.json.Decoder(Item)\n"
        "def f():\n    return ITEM, DECODER.decode(b'{\"name\": \"b\"}')\n",
        "f()",
    ),
    "aliases": (
        "from typing import Annotated, Callable, Literal, Optional, TypedDict\nVector = list[float]\n"
        "Tree = dict[str, 'Tree']\nMaybe = Optional['Row']\nclass Row(TypedDict):\n    a: int\n"
        "Step = Callable[[Row], Vector]\nKind = Literal['unused', 'f']\nNumber = Annotated[int, 'unused']\n"
        "def unused():\n    return missing\n"
        "def f(a: Tree = None, b: Maybe = None, c: Step = None, d: Kind = 'f', e: 'Number' = 1) -> 'list[Row]':\n"
        "    return d\n",
        "f()",
    ),
    "comprehensions": (
        "SIZE = 3\nROWS = [[i * j for j in range(2)] for i in range(SIZE)]\n"
        "LETTERS = {c: i for i, c in enumerate('ab')}\nBACK = dict(map(reversed, LETTERS.items()))\n"
        "def f():\n    return ROWS, BACK, [SIZE for SIZE in range(2)], {row for rows in ROWS for row in rows}\n",
        "f()",
    ),
    "shadows": (
        "import functools\ndef list(x):\n    return 'mine', x\ndef add(a, b):\n    return a + b\n"
        "ADD = functools.partial(add, 1)\ndef f():\n    total = 2\n    class Inner:\n        x = total\n"
        "        y = list(3)\n    return list(3), Inner.x, Inner.y, ADD(2)\n",
        "f()",
    ),
    "metaclass": (
        "import functools\nTAG = 't'\nclass Meta(type):\n    def __new__(cls, name, bases, body, tag):\n"
        "        made = super().__new__(cls, name, bases, body)\n        made.tag = tag\n        return made\n"
        "    def __init__(cls, *parts, tag): super().__init__(*parts)\n"
        "@functools.total_ordering\nclass Row(metaclass=Meta, tag=TAG):\n    __slots__ = ('__n', '__dict__')\n"
        "    def __init__(self, n): self.__n = n\n    def __eq__(self, other): return self.__n == other.__n\n"
        "    def __lt__(self, other): return self.__n < other.__n\n    __hash__ = None\n"
        "    @functools.cached_property\n    def twice(self): return 2 * self.__n\n"
        "def f():\n    return Row(1) <= Row(2), Row.tag, Row(2).twice\n",
        "f()",
    ),
    "one object with two names": ("A = B = []\nC = A\ndef f():\n    A.append(1)\n    return B, C\n", "f()"),
    "environment": (
        "import os\nHOME = os.environ.get('NO_SUCH_VARIABLE', 'none')\nCPUS = os.cpu_count()\n"
        "def f():\n    return HOME, CPUS > 0\n",
        "f()",
    ),
}  # fmt: skip


_SLOW = {"numpy", "pydantic", "values"}


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * (case in _SLOW)) for case in GOOD])
def test_captured_text_returns_what_the_original_returns(case: str, tmp_path: Path) -> None:
    """The text runs by itself in a process that has nothing of the session; captured again, it is the same text."""
    text, call = GOOD[case]
    namespace = run_script(tmp_path / "script.py", text)
    module = capture_source(namespace["f"])
    assert module.file_name == "script.py"
    assert module.handler == "f"
    assert module.source_file is None
    fresh = run_script(tmp_path / "script.py", text)  # nothing was called yet
    expected = repr(eval(call, fresh))
    assert call_in_fresh_process(module, call, tmp_path / "captured") == expected
    assert capture_source(namespace["f"]) == module
    assert capture_source(run_script(tmp_path / "script.py", text)["f"]) == module
    assert "def unused" not in module.text
    assert "if __name__" not in module.text


def test_what_a_function_sets_itself_starts_as_its_source_says(tmp_path: Path) -> None:
    """A global that the function manages may hold anything by now: the module begins with what is written."""
    text, call = GOOD["global statement"]
    namespace = run_script(tmp_path / "script.py", text)
    namespace["f"]()
    module = capture_source(namespace["f"])
    assert call_in_fresh_process(module, call, tmp_path / "captured") == "(1, 2)"


def test_comments_and_formatting_stay(tmp_path: Path) -> None:
    """Comments above a statement and in it are part of it; those of the file are not."""
    namespace = run_script(tmp_path / "script.py", GOOD["comments"][0])
    assert capture_source(namespace["f"]).text == (
        "# how deep\n# to go\nDEPTH = 3  # levels\n\n\n"
        "# what it is for\ndef f():\n    # inside\n    return DEPTH  # é\n"
    )


# the script, the name that the error is of, its line, and words of its message or hint
BAD = {
    "connection": (
        "import sqlite3\nconnection = sqlite3.connect(':memory:')\ndef f():\n    return connection\n",
        ("connection", 4, "`sqlite3.Connection` that `sqlite3.connect(...)` makes (script.py, line 2)",
         "compute it in `init`"),
    ),
    "data frame": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndef f():\n    return df\n",
        ("df", 4, "`f` uses `df` (script.py, line 4)", "pass it as an input"),
    ),
    "computed in a helper": (
        "import random\nseed = random.random()\ndef helper():\n    return seed\ndef f():\n    return helper()\n",
        ("seed", 4, "`helper` uses `seed`", "`random.random(...)` makes"),
    ),
    "own object": (
        "class Model:\n    def __init__(self):\n        self.fitted = 1\nmodel = Model()\ndef f():\n    return model\n",
        ("model", 6, "a `Model` that `Model(...)` makes", "`init`"),
    ),
    "loop": (
        "total = 0\nfor n in range(3):\n    total = total + n\ndef f():\n    return total\n",
        ("total", 5, "is set by a `for` loop (script.py, line 2)", "one assignment"),
    ),
    "function in a loop": (
        "for n in range(3):\n    def f():\n        return n\n",
        ("f", 1, "`f` is set by a `for` loop", "define it at the top"),
    ),
    "lambda in a loop": (
        "fs = [lambda: n for n in range(3)]\nf = fs[0]\n",
        ("<lambda>", 1, "closes over local variables: `n`", "parameters"),
    ),
    "closure": (
        "def make(n):\n    def inner():\n        return n\n    return inner\nf = make(1)\n",
        ("make.<locals>.inner", 2, "closes over local variables: `n`", "parameters"),
    ),
    "nested": (
        "def make():\n    def inner():\n        return 1\n    return inner\nf = make()\n",
        ("make.<locals>.inner", 2, "is defined inside a function", "at the top"),
    ),
    "lambda with a closure": (
        "def make(n):\n    return lambda: n\nf = make(1)\n",
        ("make.<locals>.<lambda>", 2, "closes over local variables: `n`", "parameters"),
    ),
    "closure as a helper": (
        "def make(n):\n    return lambda: n\nhelper = make(1)\ndef f():\n    return helper()\n",
        ("helper", 5, "that `make(...)` makes", "define it by `def`"),
    ),
    "globals": (
        "globals()['DEPTH'] = 3\ndef f():\n    return DEPTH\n",
        ("DEPTH", 3, "no statement of the source binds", "`globals()`"),
    ),
    "reads globals": (
        "DEPTH = 3\ndef f():\n    return globals()['DEPTH']\n",
        ("globals", 3, "cannot be seen", "dictionary"),
    ),
    "exec": (
        "exec('def helper(): return 1')\ndef f():\n    return helper()\n",
        ("helper", 3, "no statement of the source binds", "`exec`"),
    ),
    "function of exec": (
        "exec('def f(): return 1')\n",
        ("f", 1, "has no source", "`exec`"),
    ),
    "changed list": (
        "NAMES = ['a']\nNAMES.append('b')\ndef f():\n    return NAMES\n",
        ("NAMES", 4, "a `list` with another value now than its source gives (script.py, line 1)", "run its cell"),
    ),
    "changed item": (
        "CONFIG = {'a': {'b': 1}}\nCONFIG['a']['b'] = True\ndef f():\n    return CONFIG\n",
        ("CONFIG", 4, "another value now", "run its cell"),
    ),
    "changed by another function": (
        "DEPTH = 1\ndef deepen():\n    global DEPTH\n    DEPTH = 2\ndeepen()\ndef f():\n    return DEPTH\n",
        ("DEPTH", 7, "another value now", "run its cell"),
    ),
    "changed array": (
        "import numpy as np\nWEIGHTS = np.zeros(2)\nWEIGHTS[0] = 1\ndef f():\n    return WEIGHTS\n",
        ("WEIGHTS", 5, "`numpy.ndarray` with another value now", "run its cell"),
    ),
    "augmented": (
        "DEPTH = 1\nDEPTH += 1\ndef f():\n    return DEPTH\n",
        ("DEPTH", 4, "is set by an assignment such as `+=`", "one assignment"),
    ),
    "default that changed": (
        "DEPTH = 1\ndef f(depth=DEPTH):\n    return depth\nDEPTH = 2\n",
        ("f", 2, "another default of `depth` now", "run its cell"),
    ),
    "default that was filled": (
        "def f(rows=[], *, by={}):\n    by[1] = 2\n    return rows\nf()\n",
        ("f", 1, "another default of `by` now", "run its cell"),
    ),
    "attributes": (
        "def f():\n    return f.calls\nf.calls = 0\n",
        ("f", 1, "attributes that were set after its definition: `calls`", "names of the module"),
    ),
    "class that changed": (
        "class Config:\n    depth = 1\nConfig.depth = 2\ndef f():\n    return Config.depth\n",
        ("Config", 5, "another `depth` now", "run its cell"),
    ),
    "method that was added": (
        "class Config:\n    pass\ndef depth(self):\n    return 1\nConfig.depth = depth\n"
        "def f():\n    return Config().depth()\n",
        ("Config", 7, "a method that was set after its definition: `depth`", "in the class"),
    ),
    "method that was replaced": (
        "class Config:\n    def depth(self):\n        return 1\nConfig.depth = lambda self: 2\n"
        "def f():\n    return Config().depth()\n",
        ("Config", 6, "differs from its source", "run its cell"),
    ),
    "star import": (
        "from math import *\ndef f():\n    return pi\n",
        ("pi", 3, "a star import (script.py, line 1)", "`from math import pi`"),
    ),
    "deleted": (
        "DEPTH = 1\ndef f():\n    return DEPTH\ndel DEPTH\n",
        ("DEPTH", 3, "it was deleted", "run its cell again"),
    ),
    "undefined": (
        "depth = 1\ndef f():\n    return dept\n",
        ("dept", 3, "which is not defined", "did you mean 'depth'?"),
    ),
    "guard": (
        "if __name__ == '__main__':\n    DEPTH = 1\ndef f():\n    return DEPTH\n",
        ("DEPTH", 4, "is set below `if __name__ == ...`", "above that line"),
    ),
    "file": (
        "import os\nHERE = os.path.dirname(__file__)\ndef f():\n    return HERE\n",
        ("__file__", 2, "the captured module lies elsewhere", "as an input"),
    ),
    "relative import": (
        "def f():\n    from .rows import read\n    return read\n",
        (".rows", 2, "without a package", "name the module in full"),
    ),
    "walrus": (
        "print(depth := 3)\ndef f():\n    return depth\n",
        ("depth", 3, "an expression with `:=`", "one assignment"),
    ),
    "with": (
        "with open(__file__) as file:\n    text = file.read()\ndef f():\n    return text\n",
        ("text", 4, "a `with` block", "`init`"),
    ),
    "match": (
        "match (1, 2):\n    case (first, *rest):\n        pass\ndef f():\n    return rest\n",
        ("rest", 5, "a `match` block", "one assignment"),
    ),
    "rebound import": (
        "import json\nimport math as json\njson = None\ndef f():\n    return json\njson = print\n",
        None,
    ),
    "decorator that changed": (
        "def twice(function):\n    def inner(*args):\n        return 2 * function(*args)\n    return inner\n"
        "@twice\ndef f(x):\n    return x\n"
        "def twice(function):\n    def inner(*args):\n        return 3 * function(*args)\n    return inner\n",
        ("f", 2, "is made with `inner`", "run the cell"),
    ),
    "decorator of a helper that changed": (
        "def twice(function):\n    def inner(*args):\n        return 2 * function(*args)\n    return inner\n"
        "@twice\ndef helper(x):\n    return x\ndef f(x):\n    return helper(x)\n"
        "def twice(function):\n    def inner(*args):\n        return 3 * function(*args)\n    return inner\n",
        ("helper", 2, "`helper` is made with `inner`", "run the cell"),
    ),
    "class that took an older value": (
        "DEPTH = 1\nclass Config:\n    depth = DEPTH\n    twice = 2 * depth\n"
        "DEPTH = 2\ndef f():\n    return Config.depth\n",
        ("Config", 7, "another `depth` now than its source gives (script.py, line 3)", "run its cell"),
    ),
    "method with an older default": (
        "DEPTH = 1\nclass Config:\n    def go(self, depth=DEPTH):\n        return depth\nDEPTH = 2\n"
        "def f():\n    return Config().go()\n",
        ("Config", 7, "a method that has another default of `depth` now", "run its cell"),
    ),
    "argument of a decorator that changed": (
        "TIMES = 2\ndef repeat(times):\n    def decorate(function):\n        def inner():\n"
        "            return times * function()\n"
        "        return inner\n    return decorate\n@repeat(times=TIMES)\ndef f():\n    return 1\nTIMES = 3\n",
        ("f", 8, "another `times` of `repeat` than its source gives", "run its cell"),
    ),
    "object in place of a decorated function": (
        "class Task:\n    def __init__(self, run): self.run = None\n    def __call__(self): return 1\n"
        "@Task\ndef f():\n    return 1\nf = Task(None)\n",
        ("f", 7, "is a `Task` that `Task(...)` makes", "compute it"),
    ),
    "star import that is tried": (
        "try:\n    from math import *\nexcept ImportError:\n    pass\ndef f():\n    return pi\n",
        ("pi", 6, "a star import (script.py, line 1)", "`from math import pi`"),
    ),
    "base that changed": (
        "class Base:\n    depth = 1\nclass Child(Base):\n    pass\nclass Base:\n    depth = 2\n"
        "def f():\n    return Child.depth\n",
        ("Child", 8, "has another base than `Base` is now (script.py, line 3)", "run its cell"),
    ),
    "default function that changed": (
        "def score(x):\n    return x\ndef f(by=score):\n    return by(1)\ndef score(x):\n    return -x\n",
        ("f", 3, "another default of `by` now", "run its cell"),
    ),
    "table of a function that changed": (
        "def score(x):\n    return x\nBY = {'a': score}\ndef score(x):\n    return -x\n"
        "def f():\n    return BY['a'](1)\n",
        ("BY", 7, "another value now", "run its cell"),
    ),
    "object of a class that changed": (
        "from dataclasses import dataclass\n@dataclass\nclass Config:\n    depth: int = 1\nCONFIG = Config()\n"
        "@dataclass\nclass Config:\n    depth: int = 1\ndef f():\n    return CONFIG\n",
        ("CONFIG", 10, "another value now", "run its cell"),
    ),
    "application": (
        "import fastapi\napp = fastapi.FastAPI()\n@app.get('/')\ndef f():\n    return 1\n",
        ("app", 3, "`fastapi.applications.FastAPI`", "compute it"),
    ),
}  # fmt: skip


_SLOW_BAD = {"data frame", "application"}


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * (case in _SLOW_BAD)) for case in BAD])
def test_what_has_no_source_in_effect_is_refused(case: str, tmp_path: Path) -> None:
    """The error has the name, its line, the reason and what to do; no value is shown."""
    text, expected = BAD[case]
    namespace = run_script(tmp_path / "script.py", text)
    if expected is None:  # the last binding counts, and it can be captured
        assert "json = print" in capture_source(namespace["f"]).text
        return
    name, line, reason, hint = expected
    with pytest.raises(CaptureError) as caught:
        capture_source(namespace["f"])
    assert caught.value.name.endswith(name)
    assert caught.value.line == line
    assert reason in caught.value.message
    assert hint in str(caught.value)
    assert caught.value.code == "load.capture"
    assert caught.value.exit_code == 72
    for value in namespace.values():
        if isinstance(value, sqlite3.Connection):
            value.close()


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    """Neither the value of a name nor the arguments of a call are shown."""
    text = (
        "class Base:\n    def __init__(self, url): pass\n    def cursor(self): return self\n"
        "TOKEN = 'hunter2'\nTOKEN = TOKEN.upper()\nbase = Base('hunter3').cursor()\n"
    )
    namespace = run_script(tmp_path / "script.py", text + "def f():\n    return TOKEN\ndef g():\n    return base\n")
    namespace["TOKEN"] = "hunter4"
    for name in ("f", "g"):
        with pytest.raises(CaptureError) as caught:
            capture_source(namespace[name])
        assert "hunter" not in str(caught.value).lower()


def method_holder() -> Any:
    class Holder:
        def method(self) -> None: ...

        @staticmethod
        def static() -> None: ...

        def __call__(self) -> None: ...

    return Holder()


@pytest.mark.parametrize(("value", "words"), [
    (len, "compiled code"),
    (statistics.mean.__get__(1), "a method of an object"),
    (str.upper, "a method"),
    ("text".upper, "compiled code"),
    (method_holder().method, "a method of an object"),
    (method_holder().static, "defined inside a function"),
    (method_holder(), "has no name at the top"),
    (functools.partial(print, 1), "a `functools.partial` object"),
    (__import__("numpy").add, "compiled code"),
    (3, "is not a function"),
    ("main.py:f", "not a function"),
    ((n for n in ()), "the function was called"),
], ids=lambda value: value if isinstance(value, str) else type(value).__name__)  # fmt: skip
def test_objects_that_are_no_functions_are_refused(value: Any, words: str) -> None:
    """Each kind of callable that has no text of its own is named."""
    with pytest.raises(CaptureError, match=words):
        capture_source(value)


def test_a_function_of_a_file_is_the_whole_file(tmp_path: Path) -> None:
    """The user's module is taken as it is, with what stands beside it; its target is the one of the command line."""
    text = "import rows\nbase = print('computed')\ndef train(x):\n"
    text += "    import no_such_gpu\n    return rows.count(x)\n"
    (tmp_path / "rows.py").write_text("def count(x):\n    return x\n")
    (tmp_path / "train.py").write_text(text)
    captured = capture_source(import_file(tmp_path / "train.py").train)
    assert captured.text == text
    assert captured.source_file == tmp_path / "train.py"
    assert captured.root == tmp_path
    assert captured.target == "train:train"
    assert captured.unresolved_imports == ("no_such_gpu",)
    assert [(module.name, module.path) for module in captured.local_modules] == [("rows", tmp_path / "rows.py")]


def test_a_function_of_a_package_of_the_users(tmp_path: Path) -> None:
    """The file's name has its package, the root is the folder above, and the package comes along as a whole."""
    package = tmp_path / "shop_pkg" / "inner"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package.parent / "__init__.py").write_text("import msgspec\n")
    (package / "train.py").write_text("from ..stock import count\ndef train():\n    return count()\n")
    (package.parent / "stock.py").write_text("def count():\n    return 3\n")
    captured = capture_source(import_file(package / "train.py", "shop_pkg.inner.train").train)
    assert captured.file_name == "shop_pkg/inner/train.py"
    assert captured.root == tmp_path
    assert captured.target == "shop_pkg.inner.train:train"
    assert [(module.name, module.path) for module in captured.local_modules] == [("shop_pkg", tmp_path / "shop_pkg")]
    assert [text.partition("==")[0] for text in captured.requirements] == ["msgspec"]
    result = call_in_fresh_process(captured, "train()", tmp_path)
    assert result == "3"


def test_a_file_that_was_changed_after_its_import_is_refused(tmp_path: Path) -> None:
    """The function that runs here would not be the one that is recorded."""
    path = tmp_path / "edited.py"
    path.write_text("def f():\n    return 1\n")
    function = import_file(path).f
    path.write_text("\n\ndef f():\n    return 1\n")
    assert capture_source(function).text == path.read_text()  # moved, not changed
    path.write_text("def f():\n    return 2\n")
    with pytest.raises(CaptureError, match=r"changed after it was imported.*importlib.reload\(edited\)"):
        capture_source(function)
    path.write_text("def f(:\n    return 1\n")
    with pytest.raises(CaptureError, match="does not compile: line 1"):
        capture_source(function)
    path.unlink()
    with pytest.raises(CaptureError, match="cannot be read as text"):
        capture_source(function)


def test_a_module_beside_it_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that would come along is not what the session has; a changed helper of the same file is the same."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "beside_x.py"
    text = "class Rows:\n    def count(self):\n        return 1\ndef helper():\n    return Rows().count()\n"
    path.write_text(text + "def g():\n    return helper()\n")
    namespace = run_script(tmp_path / "script.py", "import beside_x\ndef f():\n    return beside_x.g()\n")
    assert capture_source(namespace["f"]).local_modules[0].path == path
    path.write_text(path.read_text().replace("return 1", "return 2"))
    for function in (namespace["f"], sys.modules["beside_x"].g):
        with pytest.raises(CaptureError, match=r"`Rows.count` is not what .*importlib.reload\(beside_x\)") as caught:
            capture_source(function)
        assert caught.value.line == 2


def test_functions_that_a_file_computes(tmp_path: Path) -> None:
    """Where the whole file is taken, a function may be made in any way."""
    path = tmp_path / "computed_x.py"
    path.write_text(
        "import functools\ndef make(n):\n    def inner():\n        return n\n    return inner\nf = make(3)\n"
        "g = functools.lru_cache(make(4))\nh = lambda: 5\nf.calls = 0\n"
    )
    module = import_file(path)
    for name, value in (("f", "3"), ("g", "4"), ("h", "5")):
        captured = capture_source(getattr(module, name))
        assert captured.handler == name
        assert call_in_fresh_process(captured, f"{name}()", tmp_path / "captured") == value


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """The text is written as UTF-8 wherever it goes, so its coding cookie says so."""
    path = tmp_path / "latin.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nNAME = 'é'\r\ndef f():\n    return NAME\n".encode("latin-1"))
    captured = capture_source(import_file(path).f)
    assert captured.text == "# -*- coding: utf-8 -*-\nNAME = 'é'\ndef f():\n    return NAME\n"
    assert call_in_fresh_process(captured, "f()", tmp_path / "captured") == "'é'"


def test_a_function_of_an_installed_distribution_is_imported(tmp_path: Path) -> None:
    """Its wheel is a requirement, at the version that is installed; the standard library needs none."""
    import packaging.version

    captured = capture_source(packaging.version.parse)
    assert captured.text == "from packaging.version import parse\n"
    assert captured.requirements == (f"packaging=={__import__('packaging').__version__}",)
    assert call_in_fresh_process(captured, "str(parse('1.0'))", tmp_path) == "'1.0'"
    assert capture_source(statistics.mean).requirements == ()
    assert call_in_fresh_process(capture_source(statistics.mean), "mean([1, 3])", tmp_path) == "2"


def test_a_script_that_is_called_like_a_module_that_it_imports(tmp_path: Path) -> None:
    """The captured module gets a name that hides none of them."""
    (tmp_path / "first.py").write_text("def f():\n    return 1\n")
    sys.path.insert(0, str(tmp_path))
    try:
        namespace = run_script(tmp_path / "script.py", "import first\ndef f():\n    return first.f()\n")
        (tmp_path / "first.py").rename(tmp_path / "script.py")
        for name, expected in (("json.py", "main.py"), ("a-b.py", "main.py")):
            namespace = run_script(tmp_path / name, "def f():\n    return 1\n")
            assert capture_source(namespace["f"]).file_name == expected
    finally:
        sys.path.remove(str(tmp_path))


def test_nothing_of_it_is_loaded_at_a_start() -> None:
    """Neither `import ovenbird` nor the command line loads what only a capture needs."""
    code = (
        "import sys, ovenbird, ovenbird.cli as cli; cli.run(['check', '--help']); print(*sys.modules, file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    names = process.stderr.split()
    assert "ovenbird.cli" in names
    assert not [name for name in names if name.startswith(("ovenbird.capture", "importlib.metadata"))]


def test_the_arguments_of_a_partial_object_are_not_shown() -> None:
    """They may be secrets."""
    with pytest.raises(CaptureError) as caught:
        capture_source(functools.partial(print, "hunter2"))
    assert "hunter2" not in str(caught.value)


def test_threads_and_forked_children(tmp_path: Path) -> None:
    """A capture needs no main thread, and a child that was forked has the same sources."""
    namespace = run_script(tmp_path / "script.py", GOOD["helpers"][0])
    expected = capture_source(namespace["f"])
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(capture_source, [namespace["f"]] * 8)) == [expected] * 8
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, capture_source(namespace["f"]).text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read().decode() == expected.text
    os.waitpid(child, 0)
