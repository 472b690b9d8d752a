"""Every shape that a handler may have."""

import functools


def plain(n: int):
    return n


async def coroutine(n: int):
    return n


def generator(n: int):
    yield from range(n)


async def agenerator(n: int):
    for i in range(n):
        yield i


def traced(function):
    """A decorator as people write them."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


class Traced:
    """A decorator that is a class."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)


@traced
def decorated(n: int, word: str = "x"):
    return word * n


@Traced
def decorated_by_class(n: int, word: str = "x"):
    return word * n


def scaled(n: int, factor: int):
    return n * factor


partial = functools.partial(scaled, factor=3)


@functools.lru_cache
def cached(n: int):
    return n


class Model:
    """A class: constructed once, then called."""

    def __call__(self, n: int):
        return n + 1

    async def later(self, n: int):
        return n


model = Model()


class Streams:
    async def __call__(self, n: int):
        for i in range(n):
            yield i


class NotCallable:
    pass
