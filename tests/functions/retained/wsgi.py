import json
import time

from census import BIG, census, disable_collector

disable_collector()


def handler(environ, start_response):
    kind = environ["PATH_INFO"].strip("/")
    body = environ["wsgi.input"].read()
    if kind == "error":
        raise ValueError("no")
    start_response("200 OK", [("content-type", "application/octet-stream")])
    if kind == "census":
        return [json.dumps(census()).encode()]
    if kind == "answer":
        return [bytes(BIG)]
    if kind == "stream":
        return (bytes(BIG // 40) for _ in range(40))
    if kind == "broken":
        return broken(body)
    if kind == "slow":
        while True:
            time.sleep(0.01)
    return [str(len(body)).encode()]


def broken(body):
    yield body[:100_000]
    raise ValueError("half way")
