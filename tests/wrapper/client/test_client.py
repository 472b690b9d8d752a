"""Both clients call a real service."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import gc
import io
import multiprocessing
import pickle
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest
from tests.authority import issue_certificates
from tests.service import Service
from tests.tcp import copy_bytes, hang_up

import ovenbird
from ovenbird.client.client import Client
from ovenbird.client.errors import (
    ArgumentsMismatchError,
    CertificateError,
    ClientError,
    ClientTimeoutError,
    ContractMissingError,
    FunctionFailedError,
    InvalidFieldsError,
    StatusError,
    TimeLimitError,
    TooLargeError,
)

pytestmark = pytest.mark.slow
Serve = Callable[..., Service]
Connect = Callable[..., Any]
CITY = """
import datetime
def handler(population: int, area: float = 2.0, day: datetime.date | None = None):
    return {"density": population / area, "day": day}
"""


@dataclasses.dataclass
class Place:
    """Arguments as a data class."""

    population: int
    area: float


class PlaceStruct(msgspec.Struct):
    """Arguments as a struct."""

    population: int
    area: float


class PlaceModel(pydantic.BaseModel):
    """Arguments as a model."""

    population: int
    area: float


def test_arguments_by_name_and_as_one_value(serve: Serve, connect: Connect) -> None:
    """Keywords, a mapping, a data class, a struct and a model are the same call; dates are written as the hints ask."""
    client = connect(serve(CITY).url)
    assert client.call(population=5, area=2, day=datetime.date(2024, 2, 29)) == {"density": 2.5, "day": "2024-02-29"}
    assert client.call({"population": 5, "area": 2}) == {"density": 2.5, "day": None}
    for value in (Place(5, 2), PlaceStruct(5, 2), PlaceModel(population=5, area=2)):
        assert client.call(value)["density"] == 5 / value.area


def test_what_does_not_fit_is_refused_before_it_is_sent(serve: Serve, connect: Connect) -> None:
    """Unknown names come with near ones, missing ones are named; the service counts no call."""
    service = serve(CITY)
    client = connect(service.url)
    with pytest.raises(ArgumentsMismatchError, match=r"takes no argument 'populaton' \(did you mean 'population'\?\)"):
        client.call(populaton=5)
    with pytest.raises(ArgumentsMismatchError, match="lacks 'population'"):
        client.call(area=5)
    with pytest.raises(ArgumentsMismatchError, match="by name; found int without one"):
        client.call(5)
    with pytest.raises(ArgumentsMismatchError, match="by name; found 2"):
        client.call(5, 2)
    with pytest.raises(ArgumentsMismatchError, match="found both"):
        client.call(5, area=2)
    with pytest.raises(TypeError, match="object"):
        client.call(population=object())
    assert not [name for name in service.metrics() if name.startswith("ovenbird_calls_total{")]


def test_an_answer_that_is_no_success_is_an_error_with_its_fields(serve: Serve, connect: Connect) -> None:
    """A 422 has its fields, a 500 the id of its record, a status of the function its own problem document."""
    client = connect(serve(CITY).url)
    with pytest.raises(InvalidFieldsError, match="population: Expected int, got str") as caught:
        client.call(population="x")
    error = caught.value
    assert (error.status, error.title) == (422, "Unprocessable Entity")
    assert [field.field for field in error.errors] == ["population"]
    assert pickle.loads(pickle.dumps(error)).errors == error.errors  # as it leaves a pool of processes


def test_errors_of_the_function(serve: Serve, connect: Connect) -> None:
    """What is raised is a 500 with an id; a problem of the function's own type may have a class of the caller's."""

    class OutOfStockError(StatusError):
        """The caller's class."""

    service = serve(
        "def handler(kind: str):\n"
        "    if kind == 'raise': raise ValueError('secret')\n"
        "    body = {'type': 'https://example.org/stock', 'title': 'Out of stock', 'detail': 'no bread', 'left': 0}\n"
        "    return body, 409, {'content-type': 'application/problem+json'}\n"
    )
    client = connect(service.url, error_types={"https://example.org/stock": OutOfStockError})
    with pytest.raises(FunctionFailedError) as failed:
        client.call("raise")
    assert failed.value.error_id in service.log
    assert failed.value.error_id in failed.value.hint
    with pytest.raises(OutOfStockError, match="409 Out of stock: no bread") as caught:
        client.call("stock")
    assert (caught.value.status, caught.value.members["left"]) == (409, 0)
    other = client.with_options(error_types={})
    with pytest.raises(ovenbird.client.errors.ConflictError):
        other.call("stock")


def test_limits_of_the_service(serve: Serve, connect: Connect) -> None:
    """Its time limit and its limit on bodies have errors of their own; a call that took too long is not repeated."""
    service = serve("import time\ndef handler(name: str): time.sleep(30)\n", "--timeout", "300ms", "--max-body", "1KiB")
    client = connect(service.url)
    with pytest.raises(TimeLimitError):
        client.call("Ada")
    with pytest.raises(TooLargeError):
        client.call("x" * 4096)
    with pytest.raises(ClientTimeoutError):
        connect(service.url, timeout=0.1).call("Ada")


RESULTS = """
from pathlib import Path
def handler(kind: str):
    return {"none": None, "text": "grüße", "bytes": b"\\x00\\xff", "list": [1, 2.5, None], "big": 10**30,
            "file": Path(__file__), "made": ("<b>", 201, {"content-type": "text/html"})}[kind]
"""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("none", None), ("text", "grüße"), ("bytes", b"\x00\xff"), ("list", [1, 2.5, None]), ("big", 10**30),
        ("made", "<b>"), ("file", RESULTS),
    ],
    ids=["none", "text", "bytes", "list", "big", "made", "file"],
)  # fmt: skip
def test_results_by_their_media_type(serve: Serve, kind: str, value: Any) -> None:
    """JSON becomes values, text text, anything else bytes."""
    with Client(serve(RESULTS).url) as client:
        assert client.call(kind) == value


def test_files_bytes_and_whole_payloads(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """Uploads are a form of files and fields, from paths, open files and bytes; a raw body is bytes."""
    upload = serve(
        "from ovenbird import UploadFile\n"
        "def handler(files: list[UploadFile], title: str, options: dict = {}, n: int = 0):\n"
        "    return [title, options, n] + [[file.filename, file.content_type, file.size] for file in files]\n"
    )
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 300_000)
    client = connect(upload.url)
    answer = client.call(files=[path, ("b.txt", b"12"), io.BytesIO(b"123")], title='a "b"', options={"deep": [1]}, n=3)
    assert answer == [
        'a "b"', {"deep": [1]}, 3,
        ["a.csv", "text/csv", 300_000], ["b.txt", "text/plain", 2], ["files", "application/octet-stream", 3],
    ]  # fmt: skip
    with pytest.raises(ArgumentsMismatchError, match=r"takes bytes, a `pathlib\.Path` or an open file, found str"):
        client.call(files=["a.csv"], title="x")
    with pytest.raises(ArgumentsMismatchError, match=r"cannot read '.*/nowhere': No such file"):
        client.call(files=[tmp_path / "nowhere"], title="x")
    with path.open() as stream, pytest.raises(ArgumentsMismatchError, match="opened as text"):
        client.call(files=[stream], title="x")


def test_a_raw_body_and_a_whole_payload(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """A handler of bytes takes bytes and files; one of a payload takes any JSON value."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw.bin").write_bytes(b"\x00" * 100_000)
    client = connect(serve("def handler(body: bytes):\n    return len(body)\n").url)
    assert [client.call(value) for value in (b"12", tmp_path / "raw.bin", io.BytesIO(b"123"))] == [2, 100_000, 3]
    with pytest.raises(ArgumentsMismatchError, match="takes bytes"):
        client.call(body=b"12")


def test_a_whole_payload(serve: Serve, connect: Connect) -> None:
    """A data class as the only parameter: its fields are checked by name."""
    client = connect(
        serve(
            "from dataclasses import dataclass\n@dataclass\nclass City:\n    name: str\n    people: int = 0\n\n"
            "def handler(city: City):\n    return [city.name, city.people]\n"
        ).url
    )
    assert client.call(name="Oslo", people=3) == client.call({"name": "Oslo", "people": 3}) == ["Oslo", 3]
    with pytest.raises(ArgumentsMismatchError, match="did you mean 'people'"):
        client.call(name="Oslo", peple=3)


def test_streams_arrive_item_by_item(serve: Serve, connect: Connect) -> None:
    """Items are there before the function has gone on; a failure half way is an error after them."""
    service = serve(
        "import threading\nevent = threading.Event()\n"
        "def handler(kind: str):\n"
        "    if kind == 'go':\n        event.set()\n        return 'gone'\n"
        "    return items(kind)\n"
        "def items(kind):\n"
        "    yield {'n': 1}\n"
        "    event.wait(30)\n"
        "    if kind == 'fail': raise ValueError\n"
        "    yield {'n': 2}\n"
    )
    client = connect(service.url)
    stream = iter(client.stream("lines"))
    assert next(stream) == {"n": 1}
    assert client.call("go") == "gone"
    assert list(stream) == [{"n": 2}]
    assert client.call("lines") == [{"n": 1}, {"n": 2}]
    failing = iter(client.stream("fail"))
    assert next(failing) == {"n": 1}
    with pytest.raises(ovenbird.client.errors.AnswerInterruptedError, match="before the answer was complete"):
        next(failing)
    with pytest.raises(InvalidFieldsError):
        list(client.stream(kind=3))


def test_events_and_text_are_streamed(serve: Serve, connect: Connect) -> None:
    """Server-sent events have data, text arrives as text; a stream that is left ends the function."""
    service = serve(
        "import time\nleft = []\n"
        "def handler(kind: str, context):\n"
        "    if kind == 'left': return left\n"
        "    return items(kind)\n"
        "def items(kind):\n"
        "    try:\n"
        "        for number in range(3 if kind != 'endless' else 10**9):\n"
        "            yield {'n': number} if kind == 'events' else 'ü'\n"
        "            time.sleep(0.01 if kind == 'endless' else 0)\n"
        "    finally: left.append(kind)\n"
    )
    client = connect(service.url)
    events = list(client.with_options(headers={"accept": "text/event-stream"}).stream("events"))
    assert [(event.event, event.json()) for event in events] == [("message", {"n": n}) for n in range(3)]
    assert "".join(client.stream("text")) == "üüü"
    stream = client.stream("endless")
    assert next(iter(stream)) == "ü"
    stream.close()
    while "endless" not in client.call("left"):
        pass


def test_without_a_contract(serve: Serve, connect: Connect) -> None:
    """Where the contract is switched off, or the arguments are not in it, `post` still calls."""
    client = connect(serve(CITY, "--admin-port", "off").url)
    with pytest.raises(ContractMissingError, match=r"`post\(json=…\)`"):
        client.call(population=5)
    answer = client.post(json={"population": 4})
    assert (answer.status, answer.value, answer.json()) == (200, {"density": 2.0, "day": None}, answer.value)
    assert client.get(params={"population": 6}).value["density"] == 3
    assert client.post(data={"population": 8}).value["density"] == 4
    assert client.post(body=b'{"population": 2}', headers={"content-type": "application/json"}).value["density"] == 1
    with pytest.raises(InvalidFieldsError):
        client.post(json={})
    with pytest.raises(ArgumentsMismatchError, match="one body, found `data` and `body`"):
        client.post(data={}, body=b"")
    with pytest.raises(ArgumentsMismatchError, match="a request has no 'jsn'"):
        client.post(jsn={})


def test_an_application_has_no_arguments(serve: Serve, connect: Connect) -> None:
    """A FastAPI application is reached by paths."""
    service = serve(
        "import fastapi\nhandler = fastapi.FastAPI()\n"
        "@handler.get('/items/{name}')\ndef item(name: str, n: int = 0): return [name, n]\n"
    )
    client = connect(service.url)
    assert client.get("/items/a b", params={"n": 3}).value == ["a b", 3]
    with pytest.raises(ArgumentsMismatchError, match="has no arguments"):
        client.call(name="a")
    with pytest.raises(ovenbird.client.errors.NotFoundError, match="404 Not Found: Not Found"):
        client.get("nothing")


def test_a_newer_service_is_asked_for_its_contract_again(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """A client that knew the old contract takes the new argument."""
    service = serve("def handler(name: str): return name\n", "--reload")
    client = connect(service.url)
    assert client.call(name="Ada") == "Ada"
    (tmp_path / "main.py").write_text("def handler(name: str, times: int = 1): return name * times\n")
    patience = 3000
    while patience:
        try:
            assert client.call(name="Ada", times=2) == "AdaAda"
            break
        except ArgumentsMismatchError:
            patience -= 1
    assert patience


def test_ready(serve: Serve, connect: Connect) -> None:
    """`ready` is no error while the service starts or is not there; waiting says what it waits for."""
    service = serve("import time\ndef init(context): time.sleep(1.0)\ndef handler(): return 1\n", ready=False)
    client = connect(service.wait_open())
    assert client.ready() is False
    with pytest.raises(ClientTimeoutError, match="init has not finished"):
        client.wait_until_ready(0.1)
    client.wait_until_ready(30)
    assert client.ready() is True
    assert client.call() == 1
    service.stop()
    assert client.ready() is False
    with pytest.raises(ClientTimeoutError, match="Connection refused"):
        client.wait_until_ready(0.1)


def test_the_trace_of_the_caller_goes_on(serve: Serve, tmp_path: Path) -> None:
    """A function that calls another one passes its trace on."""
    inner = serve("def handler(context): return [context.trace_id, context.tracestate]\n")
    folder = tmp_path / "outer"
    folder.mkdir()
    (folder / "outer.py").write_text(
        "import ovenbird\ndef handler(url: str, context):\n"
        "    with ovenbird.Client(url) as client:\n        return client.call()\n"
    )
    outer = Service(f"{folder / 'outer.py'}:handler", (), {}, folder)
    try:
        outer.wait_ready()
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "a=1"}
        assert outer.call({"url": inner.url}, headers=headers).json() == [trace, "a=1"]
    finally:
        outer.kill()


def test_a_service_behind_a_prefix_and_tls(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """A proxy ends TLS with a certificate of a private authority, and removes a prefix."""
    service = serve(CITY)
    with TlsPrefixProxy(int(service.url.rpartition(":")[2]), tmp_path) as proxy:
        client = connect(f"https://127.0.0.1:{proxy.port}/team/city", verify=proxy.authority)
        assert client.call(population=4)["density"] == 2
        with pytest.raises(CertificateError, match="not trusted") as caught:
            connect(f"https://127.0.0.1:{proxy.port}/team/city").call(population=4)
        assert "`verify=`" in caught.value.hint
        assert connect(f"https://127.0.0.1:{proxy.port}/team/city", verify=False).ready() is True


class TlsPrefixProxy:
    """Ends TLS and drops `/team/city` from the paths of requests."""

    def __init__(self, target: int, folder: Path) -> None:
        certificates = issue_certificates(folder)
        self.authority = certificates.authority
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self._target = target

    def __enter__(self) -> TlsPrefixProxy:
        import socket

        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._sockets = [self._server]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets:
            hang_up(sock)
            sock.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._talk, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, client: Any) -> None:
        import socket

        try:
            with self._context.wrap_socket(client, server_side=True) as inner:
                self._sockets.append(inner)
                with socket.create_connection(("127.0.0.1", self._target)) as service:
                    back = threading.Thread(target=copy_bytes, args=(service, inner))
                    back.start()
                    while data := inner.recv(65536):
                        service.sendall(data.replace(b" /team/city", b" ", 1).replace(b"POST  ", b"POST / ", 1))
                    hang_up(service)
                    back.join(10)
        except OSError:
            pass


def test_threads_share_a_client(serve: Serve) -> None:
    """Twenty threads, each with its own answers."""
    with Client(serve(CITY).url) as client:
        answers: dict[int, float] = {}

        def work(number: int) -> None:
            for _ in range(5):
                answers[number] = client.call(population=number, area=1)["density"]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert answers == {number: float(number) for number in range(20)}


def test_a_forked_child_has_its_own_connections(serve: Serve) -> None:
    """A child that calls, and ends, leaves the parent's connection in order."""
    client = Client(serve("import os\ndef handler(n: int): return n\n").url)
    assert client.call(1) == 1
    _inherited.append(client)  # a client cannot be pickled
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_call_inherited, range(10)) == list(range(10))
    assert client.call(2) == 2
    client.close()


_inherited: list[Client] = []


def _call_inherited(number: int) -> int:
    return _inherited[-1].call(number)  # type: ignore[no-any-return]


def test_a_client_ends(serve: Serve, connect: Connect) -> None:
    """After `close` there are no calls; a client cannot be pickled, and its text has no credentials."""
    client = connect(serve(CITY).url)
    client.call(population=1)
    client.close()
    client.close()
    with pytest.raises(ClientError, match="the client is closed"):
        client.call(population=1)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Client("http://localhost"))


def test_descriptors_are_given_back(serve: Serve) -> None:
    """A hundred clients, used as contexts, leave no connection open."""
    url = serve(CITY).url
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        with Client(url) as client:
            client.call(population=1)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_on_several_event_loops(serve: Serve) -> None:
    """`asyncio.run` twice, with one client: each loop has its own connections, which end with it."""
    client = ovenbird.AsyncClient(serve(CITY).url)
    for population in (2, 4):
        assert asyncio.run(client.call(population=population))["density"] == population / 2
    asyncio.run(client.close())
    del client
    gc.collect()  # Python warns of the connections of the first loop: here, and in no other test
