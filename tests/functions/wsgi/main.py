"""A Flask application."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "x": request.args.get("x")}


@app.post("/echo")
def echo():
    return str(len(request.get_data()))


@app.get("/fail")
def fail():
    raise RuntimeError("secret-wsgi")
