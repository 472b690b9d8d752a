"""The handler: constructed, initialised, called, closed."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest
from tests.loading import FUNCTIONS, Project

from ovenbird.errors import InitError
from ovenbird.function.context import Context
from ovenbird.function.handler import Handler
from ovenbird.function.handler_kind import HandlerKind

CONTEXT = Context("test")


def load_shape(project: Project, attribute: str) -> Handler:
    return Handler(project.load(f"{FUNCTIONS}/shapes/main.py:{attribute}"))


def ready(handler: Handler, parameters: dict[str, Any] | None = None) -> Handler:
    """Construct and init."""
    handler.construct(CONTEXT, parameters or {})
    init = handler.bind_init(CONTEXT, parameters or {})
    if init is not None:
        init()
    return handler


@pytest.mark.parametrize(
    ("attribute", "body", "result"),
    [
        ("plain", b'{"n": 3}', 3),
        ("decorated", b'{"n": 2}', "xx"),
        ("decorated_by_class", b'{"n": 2, "word": "y"}', "yy"),
        ("partial", b'{"n": 2}', 6),
        ("partial", b'{"n": 2, "factor": 5}', 10),
        ("cached", b'{"n": 4}', 4),
        ("model", b'{"n": 1}', 2),
        ("Model", b'{"n": 1}', 2),
    ],
)
def test_each_shape_is_called_by_name(project: Project, attribute: str, body: bytes, result: Any) -> None:
    """Arguments reach functions, decorated functions, partials, objects and classes alike."""
    handler = ready(load_shape(project, attribute))
    assert handler.call(**handler.binder.from_json(body)) == result


@pytest.mark.parametrize("attribute", ["decorated", "decorated_by_class", "partial", "cached"])
def test_hints_are_seen_through_wrappers(project: Project, attribute: str) -> None:
    """A decorator or a partial does not hide the hints: text from a query becomes a number."""
    assert load_shape(project, attribute).binder.from_fields([("n", "3")]) == {"n": 3}


def test_a_coroutine_and_generators_are_called(project: Project) -> None:
    """`call` returns what the user's function returns or yields."""
    assert asyncio.run(load_shape(project, "coroutine").call(n=1)) == 1
    assert list(load_shape(project, "generator").call(n=3)) == [0, 1, 2]

    async def drained() -> list[int]:
        return [item async for item in load_shape(project, "agenerator").call(n=3)]

    assert asyncio.run(drained()) == [0, 1, 2]


def test_a_class_has_the_shape_of_its_call(project: Project) -> None:
    """The shape is known before anything is constructed."""
    assert load_shape(project, "Streams").shape is HandlerKind.ASYNC_GENERATOR


def test_applications_bind_nothing(project: Project) -> None:
    """An ASGI application as the handler has no binder."""
    handler = project.handler("from starlette.applications import Starlette\nhandler = Starlette()")
    assert (handler.shape, handler.binder) == (HandlerKind.ASGI, None)


def test_the_name_is_the_documents_or_the_attribute(project: Project) -> None:
    """Logs and metrics name the function as its document does, else as the code does."""
    assert Handler(project.load(f"{FUNCTIONS}/documents/function.yaml")).name == "adder"
    assert load_shape(project, "model.later").name == "later"


def test_init_parameters_are_converted_and_globals_are_seen(project: Project) -> None:
    """init receives its parameters by name, as its hints say; the handler sees globals and the context."""
    handler = ready(Handler(project.load(f"{FUNCTIONS}/initialised/main.py")), {"start": "2024-02-03", "label": "a"})
    assert handler.call(context=CONTEXT, days=1) == {"start": datetime.date(2024, 2, 3), "label": "a", "days": 1}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "parameters of init do not fit: start: missing"),
        ({"start": "soon"}, "start: Invalid RFC3339"),
        ({"start": "2024-01-01", "lable": "x"}, "lable: unknown field, did you mean 'label'"),
        ({"start": "2024-01-01", "context": 1}, "unknown field|takes no parameter 'context'"),
    ],
)
def test_init_parameters_that_do_not_fit_are_named(project: Project, parameters: dict[str, Any], words: str) -> None:
    """Missing, wrong and unknown parameters are errors before init runs; `check` tells the same."""
    handler = Handler(project.load(f"{FUNCTIONS}/initialised/main.py"))
    with pytest.raises(InitError, match=words):
        handler.bind_init(CONTEXT, parameters)
    with pytest.raises(InitError, match=words):
        handler.check(parameters)


def test_parameters_for_a_function_without_init_are_refused(project: Project) -> None:
    """A parameter that nothing takes is an error that names it, in a run and in a check."""
    handler = project.handler("def handler(): ...")
    for act in (lambda: handler.bind_init(CONTEXT, {"model": 1}), lambda: handler.check({"model": 1})):
        with pytest.raises(InitError, match=r"\('model'\), and 'main' has no init"):
            act()


def test_init_with_positional_only_parameters_and_rest(project: Project) -> None:
    """An init may be written as it likes."""
    handler = ready(
        project.handler("SEEN = None\ndef init(context, a=1, /, **rest):\n    global SEEN\n    SEEN = a, rest\n"
                        "def handler(): return SEEN"), {"b": 2},
    )  # fmt: skip
    assert handler.call() == (1, {"b": 2})


def test_hints_that_cannot_be_resolved_are_named(project: Project) -> None:
    """Each as it was written; not that of a parameter which Ovenbird fills, and none where all are resolved."""
    head = "from __future__ import annotations\n"
    handler = project.handler(
        f"{head}def handler(context: Kontext, n: itn, t: pd.DataFrame, k: int = 1) -> Gone: ...\n"
    )
    assert handler.explain_unresolved().startswith(
        "`n: itn`, `t: pd.DataFrame` in 'handler': the hint cannot be resolved"
    )
    assert project.handler(f"{head}def handler(context, n: int, k): ...\n").explain_unresolved() == ""


def test_hints_of_init_that_cannot_be_resolved_are_named(project: Project) -> None:
    """Of an init, of a class's own one and of its constructor, as those of the handler."""
    head = "from __future__ import annotations\n"
    end = ": the hint cannot be resolved"
    handler = project.handler(
        f"{head}def init(context: Kontext, a: itn, b: str = ''): ...\ndef handler(n: intt): ...\n"
    )
    assert handler.explain_unresolved().partition(end)[:2] == ("`n: intt` in 'handler', `a: itn` in 'init'", end)
    with_init = "    def init(self, context, path: Pfad): ...\n"
    head += "class Model:\n    def __call__(self, n: int): ...\n"
    handler = project.handler(f"{head}    def __init__(self, size: itn = 1): ...\n", "Model")
    assert handler.explain_unresolved().partition(end)[:2] == ("`size: itn` in 'Model'", end)
    handler = project.handler(f"{head}    def __init__(self, size: itn = 1): ...\n{with_init}", "Model")
    listed = "`path: Pfad` in 'Model.init', `size: itn` in 'Model'"
    assert handler.explain_unresolved().partition(end)[:2] == (listed, end)
    handler = project.handler(f"{head}{with_init}".replace("Pfad", "str"), "Model")
    assert handler.explain_unresolved() == ""


def test_an_event_hint_in_init_is_no_context(project: Project) -> None:
    """Only `context` is given to init; what it cannot have is refused by name."""
    handler = project.handler("from ovenbird import Event\ndef init(event: Event): ...\ndef handler(): ...")
    with pytest.raises(InitError, match="hint of argument 'event' is Event"):
        handler.bind_init(CONTEXT, {})


CLASS = """
class Model:
    def __init__(self, path: str = "none", *, context=None):
        self.log = [path, context is not None]
    def __call__(self, n: int):
        return [*self.log, n]
"""


def test_a_class_without_init_is_constructed_with_the_parameters(project: Project) -> None:
    """The constructor takes the init parameters, converted by the hints of __init__."""
    handler = ready(project.handler(CLASS, "Model"), {"path": "m.bin"})
    assert handler.call(n=1) == ["m.bin", True, 1]
    with pytest.raises(InitError, match="parameters of Model do not fit: path: Expected str"):
        handler.check({"path": 5})


def test_a_class_with_init_is_constructed_without_them(project: Project) -> None:
    """The class's own init takes the parameters, and close ends it."""
    text = CLASS + "    def init(self, context, size: int):\n        self.log = [size]\n"
    text += "    def close(self):\n        self.log.append('closed')\n"
    handler = ready(project.handler(text, "Model"), {"size": 3})
    assert handler.call(n=1) == [3, 1]
    close = handler.close(CONTEXT)
    assert close is not None
    close()
    assert handler.call(n=1) == [3, "closed", 1]
    assert handler.check({"size": 3}) == "Model.init(context, size: int)"
    with pytest.raises(InitError, match="size: missing"):
        handler.check({})


def test_a_documents_init_goes_with_a_class(project: Project) -> None:
    """init_function names a method of the class, or a function of the module that runs after construction."""
    project.write("main.py", CLASS + "READY = []\ndef prepare(size: int):\n    READY.append(size)\n")
    text = "kind: python\nname: f\nspec:\n  source:\n    handler: Model\n    init_function: prepare\n"
    handler = Handler(project.load(str(project.write("function.yaml", text))))
    assert handler.check({"size": 2}) == "prepare(size: int)"
    ready(handler, {"size": 2})
    assert handler.loaded.module.READY == [2]
    assert handler.call(n=1) == ["none", True, 1]


def test_a_module_may_close_and_take_the_context(project: Project) -> None:
    """The module's close is called with the context when it asks for it."""
    handler = project.handler("def close(context): context.closed = True\ndef handler(): ...")
    context = Context("f")
    close = handler.close(context)
    assert close is not None
    close()
    assert context.closed is True


def test_an_object_says_whether_it_is_ready(project: Project) -> None:
    """`ready` and `alive` of a class are found once it is constructed; others have none."""
    text = "class A:\n    def __call__(self): ...\n    def ready(self): return False\n"
    handler = project.handler(text, "A")
    assert handler.probe("ready") is None
    ready(handler)
    probe = handler.probe("ready")
    assert probe is not None
    assert probe() is False
    assert handler.probe("alive") is None
