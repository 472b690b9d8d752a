"""WSGI applications without a framework, checked by the standard library's validator where the path asks for it."""

import json
import sys
import threading
import time
from wsgiref.validate import validator

DONE = threading.Event()
TEXT = [("content-type", "text/plain")]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [*TEXT, ("content-length", str(len(body)))])
    return [body]


def lines(environ, start_response):
    file = environ["wsgi.input"]
    parts = [file.readline(3), file.readline(), *file.readlines(5), *file.readlines(), file.read(), file.readline()]
    start_response("200 OK", TEXT)
    return [json.dumps([part.decode() for part in parts]).encode()]


def iterated(environ, start_response):
    start_response("200 OK", TEXT)
    return [json.dumps([line.decode() for line in environ["wsgi.input"]]).encode()]


def count(environ, start_response):
    """Read in small steps, to the end of the input and not to its length."""
    size = 0
    while part := environ["wsgi.input"].read(1000):
        size += len(part)
    start_response("200 OK", TEXT)
    return [f"{size} {environ.get('CONTENT_LENGTH')}".encode()]


def show_environ(environ, start_response):
    start_response("200 OK", TEXT)
    text = {key: value for key, value in environ.items() if isinstance(value, str)}
    return [json.dumps({**text, "terminated": environ["wsgi.input_terminated"]}).encode()]


def written(environ, start_response):
    write = start_response("201 Made", TEXT)
    write(b"one ")
    write(b"two ")
    return [b"three"]


def changed(environ, start_response):
    start_response("200 OK", [*TEXT, ("x-first", "1")])
    try:
        raise ValueError("too late for this")
    except ValueError:
        start_response("418 Teapot", TEXT, sys.exc_info())
    return [b"changed"]


def changed_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"x" * 100
    try:
        raise ValueError("half way")
    except ValueError:
        start_response("500 Oh", TEXT, sys.exc_info())
    yield b"never"


def twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b""]


def silent(environ, start_response):
    return [b"no start_response"]


def text(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text"]


def short(environ, start_response):
    start_response("200 OK", [*TEXT, ("content-length", "9")])
    return [b"short"]


def long(environ, start_response):
    start_response("200 OK", [*TEXT, ("content-length", "2")])
    return iter([b"ok", b"too much"])


def split(environ, start_response):
    start_response("200 OK", [*TEXT, ("x-bad", "a\r\nset-cookie: b")])
    return [b""]


def nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


class Closing:
    """Parts of an answer, whose `close` takes a while."""

    def __init__(self, parts):
        self.parts = iter(parts)

    def __iter__(self):
        return self.parts

    def close(self):
        time.sleep(0.5)
        DONE.set()


def closing(environ, start_response):
    start_response("200 OK", [*TEXT, ("content-length", "4")])
    return Closing([b"done"])


def closed(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(DONE.is_set()).encode()]


def endless(environ, start_response):
    DONE.clear()
    start_response("200 OK", TEXT)
    return Closing(iter(lambda: b"x" * 10_000, b""))


def hang(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", TEXT)
    return [b"late"]


def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    if name.startswith("valid/"):
        return validator(globals()[name[6:]])(environ, start_response)
    return globals().get(name, show_environ)(environ, start_response)
