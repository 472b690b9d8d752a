"""`testing.call` and `testing.service`: functions of each shape, in this process."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.loading import Project
from tests.service import wait_until

from ovenbird import UploadFile, testing
from ovenbird.common.fork_guard import guard_forks
from ovenbird.errors import AttributeMissingError, InitError, ModuleMissingError, NotCallableError, SettingsError

DOCUMENT = "kind: python\nname: f\nspec: {source: {source: main.py, handler: handler}}\n"
life: list[str] = []


def init(context: Any, model: str = "small", fail: bool = False) -> None:
    """Note that it ran: it is the init of every handler in this module."""
    if fail:
        raise RuntimeError("no model")
    life.append("init")
    context.model = model


def close() -> None:
    """Note that it ran."""
    life.append("close")


def greet(name: str, times: int = 1) -> dict[str, str]:
    """Greet somebody."""
    return {"greeting": " ".join([f"Hello {name}"] * times)}


async def greet_on_loop(name: str, times: int = 1) -> dict[str, str]:
    """Greet somebody, on the event loop."""
    await asyncio.sleep(0)
    return greet(name, times)


class Greeter:
    """Greets by a word that init has set."""

    def init(self, word: str = "Hello") -> None:
        """Keep the word."""
        self.word = word

    def __call__(self, name: str) -> str:
        return f"{self.word} {name}"


def fail(kind: str) -> None:
    """Raise what it is asked for."""
    raise {"value": ValueError, "exit": SystemExit, "interrupt": KeyboardInterrupt}[kind](kind)


@pytest.mark.parametrize("handler", [greet, greet_on_loop, functools.partial(greet)])
def test_a_call(handler: Any) -> None:
    """JSON, a form, a query and any other body reach the function as they do over HTTP."""
    answer = testing.call(handler, json={"name": "Ada", "times": 2})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == answer.value == {"greeting": "Hello Ada Hello Ada"}
    assert answer.text == answer.body.decode() == '{"greeting":"Hello Ada Hello Ada"}'
    if handler is not greet:
        return
    assert testing.call(greet, params={"name": "Ada"}).value == testing.call(greet, {"name": "Ada"}).value
    assert testing.call(greet, data={"name": "Ada", "times": 2}).value == answer.value
    headers = {"Content-Type": "application/json"}
    assert testing.call(greet, body='{"name": "Ada", "times": 2}', headers=headers).value == answer.value


def test_what_does_not_fit_is_an_answer() -> None:
    """A 422 with its fields is what a client gets, and no exception."""
    answer = testing.call(greet, json={"name": "Ada", "times": "x"})
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == "times"
    assert answer.error is None


@pytest.mark.parametrize(("kind", "error"), [("value", ValueError), ("exit", SystemExit)])
def test_errors_are_raised(kind: str, error: type[BaseException]) -> None:
    """With the frames of the function; `raise_errors=False` gives the answer of a client, and the error beside it."""
    with pytest.raises(error) as caught:
        testing.call(fail, json={"kind": kind})
    assert caught.traceback[-1].name == "fail"
    answer = testing.call(fail, json={"kind": kind}, raise_errors=False)
    assert (answer.status, type(answer.error)) == (500, error)
    assert kind not in answer.text


def test_init_runs_once_for_a_service() -> None:
    """With its parameters, before the first call; close at the end."""
    life.clear()

    def show(context: Any) -> str:
        return context.model

    show.__module__ = __name__
    with testing.service(show, init={"model": "large"}) as service:
        assert [service.call().text for _ in range(3)] == ["large"] * 3
        assert service.context.model == "large"
        assert life == ["init"]
    assert life == ["init", "close"]
    assert testing.call(Greeter, json={"name": "Ada"}, init={"word": "Hi"}).text == "Hi Ada"
    with pytest.raises(InitError, match=r"(?s)init of greet raised RuntimeError: no model.*in init"):
        testing.call(greet, json={"name": "Ada"}, init={"fail": True})
    with pytest.raises(InitError, match="mdl: unknown field, did you mean 'model'"):
        testing.call(greet, json={"name": "Ada"}, init={"mdl": 1})


def test_a_test_with_an_event_loop() -> None:
    """A coroutine may wait for calls, also for several at a time, and may use the sync ones."""

    async def work() -> list[Any]:
        async with testing.service(greet_on_loop) as service:
            many = await asyncio.gather(*(service.acall({"name": str(number)}) for number in range(5)))
        first = await testing.acall(greet, json={"name": "Ada"})
        return [*(answer.value for answer in many), first.value, testing.call(greet, {"name": "Bob"}).value]

    names = [answer["greeting"] for answer in asyncio.run(work())]
    assert names == [f"Hello {name}" for name in ("0", "1", "2", "3", "4", "Ada", "Bob")]


def test_streams() -> None:
    """Items arrive while they are produced; a test that has seen enough ends the function."""
    ended: list[str] = []

    def count(kind: str) -> Any:
        try:
            for number in range(3 if kind != "endless" else 10**9):
                if kind == "fail" and number == 2:
                    raise ValueError(kind)
                yield {"n": number}
        finally:
            ended.append(kind)

    async def count_on_loop(kind: str) -> Any:
        for item in count(kind):
            yield item

    for handler in (count, count_on_loop):
        assert testing.call(handler, json={"kind": "all"}).value == [{"n": 0}, {"n": 1}, {"n": 2}]
        events = testing.call(handler, json={"kind": "all"}, headers={"accept": "text/event-stream"})
        assert [event.json() for event in events.value] == [{"n": 0}, {"n": 1}, {"n": 2}]
        with testing.service(handler) as service:
            items = service.stream({"kind": "endless"})
            assert [next(items), next(items)] == [{"n": 0}, {"n": 1}]
            items.close()
            wait_until(lambda: ended[-1] == "endless", lambda: f"ended: {ended}")
            failing = service.stream({"kind": "fail"})
            assert [next(failing), next(failing)] == [{"n": 0}, {"n": 1}]
            with pytest.raises(ValueError, match="fail"):
                next(failing)
            assert [item["n"] for item in service.stream({"kind": "all"})] == [0, 1, 2]


def test_files(tmp_path: Path) -> None:
    """As bytes, as a path, as an open file; names and media types too."""

    def measure(file: UploadFile, title: str = "") -> list[Any]:
        return [file.filename, file.content_type, file.size, title]

    measure.__annotations__ = {"file": UploadFile, "title": str}
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2")
    assert testing.call(measure, files={"file": path}, data={"title": "x"}).value == ["a.csv", "text/csv", 3, "x"]
    assert testing.call(measure, files={"file": b"1"}).value == ["file", "application/octet-stream", 1, ""]
    assert testing.call(measure, files={"file": ("b.png", io.BytesIO(b"12"))}).value == ["b.png", "image/png", 2, ""]


def test_variables_secrets_and_projects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables are back afterwards; a project has a store of its own, or is the test's own object."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEPT", "before")

    def look(context: Any, what: str) -> Any:
        if what == "environ":
            return [os.environ.get("KEPT"), os.environ.get("NEW")]
        if what == "secret":
            return context.project.get_secret("TOKEN").read_secret_value()
        return context.project.log_artifact("note", kind="artifact", source=__file__).key

    assert testing.call(look, {"what": "environ"}, environ={"KEPT": "1", "NEW": "2"}).value == ["1", "2"]
    assert (os.environ["KEPT"], os.environ.get("NEW")) == ("before", None)
    assert testing.call(look, {"what": "secret"}, secrets={"TOKEN": "s"}).text == "s"
    assert testing.call(look, {"what": "key"}).text.startswith("store://default/artifact/artifact/note:")
    assert list(tmp_path.iterdir()) == []

    class Fake:
        """A project of the test's own."""

        def get_secret(self, name: str) -> Any:
            """Return something that has a value."""
            return type("Secret", (), {"read_secret_value": lambda self: name.lower()})()

    assert testing.call(look, {"what": "secret"}, project=Fake()).text == "token"


def test_applications() -> None:
    """FastAPI and Flask, with paths and methods."""
    import fastapi
    import flask

    asgi = fastapi.FastAPI()
    asgi.get("/items/{name}")(lambda name, n=0: [name, n])
    wsgi = flask.Flask("shop")
    wsgi.get("/items/<name>")(lambda name: [name, flask.request.args["n"]])
    for application in (asgi, wsgi):
        answer = testing.call(application, method="GET", path="/items/a%20b", params={"n": 3})
        assert answer.json() == ["a b", "3"]
        assert testing.call(application, method="GET", path="/nothing").status == 404


def test_limits_are_those_of_the_service() -> None:
    """Settings have their names of the command line."""

    def wait(name: str) -> None:
        import time

        time.sleep(20)

    assert testing.call(wait, {"name": "Ada"}, timeout=0.2).status == 504
    assert testing.call(greet, {"name": "x" * 2000}, max_body=1000).status == 413
    with pytest.raises(SettingsError, match=r"there is no setting 'timout'.*did you mean 'timeout'"):
        testing.call(greet, timout=1)
    with pytest.raises(TypeError, match="a call has no 'jsn'"), testing.service(greet) as service:
        service.call(jsn=1)


def test_targets(project: Project) -> None:
    """As text: a file, a function in it, a document's folder; two folders may each have a `main.py`."""
    for folder in ("a", "b"):
        project.write(f"{folder}/main.py", f"def handler(): return '{folder}'\ndef other(): return 'other'\n")
        project.write(f"{folder}/function.yaml", DOCUMENT)
    assert [testing.call(project.folder / name / "main.py").text for name in "ab"] == ["a", "b"]
    assert testing.call(f"{project.folder}/a/main.py:other").text == "other"
    assert testing.call(str(project.folder / "b")).text == "b"
    with pytest.raises(ModuleMissingError, match="no file"):
        testing.call("nothing.py")
    with pytest.raises(AttributeMissingError, match="has no attribute 'handlr'"):
        testing.call(f"{project.folder}/a/main.py:handlr")
    with pytest.raises(NotCallableError, match="an object of type int cannot be called"):
        testing.call(3)  # type: ignore[arg-type]


def test_nothing_is_left_behind() -> None:
    """Neither threads nor descriptors, however many services a session of tests has."""

    def measure() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    testing.call(greet, {"name": "Ada"})
    before = measure()
    for handler in (greet, greet_on_loop) * 5:
        testing.call(handler, {"name": "Ada"})
    # those of earlier tests may end meanwhile
    wait_until(
        lambda: all(now <= then for now, then in zip(measure(), before, strict=True)),
        lambda: f"{measure()} threads and descriptors, before {before}",
    )


def test_a_service_is_started_once() -> None:
    """Before its block and after it, a call says what is wrong."""
    service = testing.service(greet)
    with pytest.raises(RuntimeError, match="has not been started"):
        service.call({"name": "Ada"})
    with service:
        pass
    with pytest.raises(RuntimeError, match="is started once"), service:
        pass


@pytest.mark.slow
def test_a_forked_child_calls_functions() -> None:
    """A child that was forked where forks are guarded has services of its own, which end no process."""
    guard_forks()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            answers = [testing.call(function, {"name": "Ada"}).status for function in (greet, greet_on_loop)]
            code = 7 if answers == [200, 200] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
