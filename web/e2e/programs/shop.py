"""A small Flask application on its own server."""
import sys

from flask import Flask

app = Flask(__name__)


@app.get("/hello/<name>")
def hello(name):
    visits = len(name)
    greeting = f"hello {name}"  # BP:view
    return f"{greeting}, {visits} visits"  # BP:answer


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), use_reloader="reload" in sys.argv, debug="reload" in sys.argv)
