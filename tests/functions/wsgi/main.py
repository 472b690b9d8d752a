"""A Flask application."""

import time

from flask import Flask, request

app = Flask(__name__)


@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "x": request.args.get("x")}


@app.post("/echo")
def echo():
    return str(len(request.get_data()))


@app.get("/slow")
def slow():
    time.sleep(1.2)
    return ["x"] * 50


@app.get("/endless")
def endless():
    def parts():
        for _ in range(300):
            yield b"x" * 65536
            time.sleep(0.001)

    return parts()


@app.get("/fail")
def fail():
    raise RuntimeError("secret-wsgi")
