"""A web application that shows its state: a counter in memory, a file on disk, a background process."""

import os
import subprocess
import sys
import time

from flask import Flask, jsonify, request

import hooks

app = Flask(__name__)
counter = 0

# Counts for as long as it lives; a reader never sees a half-written number.
HEARTBEAT = """
import os, time
n = 0
while True:
    n += 1
    with open("/tmp/heartbeat.new", "w") as file:
        file.write(str(n))
    os.replace("/tmp/heartbeat.new", "/tmp/heartbeat")
    time.sleep(0.2)
"""
open_log = open("/data/opened-at-build", "a+")  # a descriptor held since before the snapshot
heartbeat = subprocess.Popen(
    [sys.executable, "-c", HEARTBEAT]
)


@app.get("/")
def hello():
    print("hello was asked for", flush=True)
    return jsonify(message="Hello, World!")


@app.post("/state")
def change_state():
    """Adds one to the counter in memory, a line to the file on disk, and one to the file in tmpfs."""
    global counter
    counter += 1
    for path in ("/data/file", "/dev/shm/file"):
        with open(path, "a") as file:
            file.write(f"{counter}\n")
    open_log.write(f"{counter}\n")
    open_log.flush()
    return state()


@app.get("/state")
def state():
    open_log.seek(0)
    return jsonify(
        counter=counter,
        disk=lines("/data/file"),
        tmpfs=lines("/dev/shm/file"),
        descriptor=len(open_log.readlines()),
        heartbeat=int(open("/tmp/heartbeat").read() or 0),
        heartbeat_alive=heartbeat.poll() is None,
        pid=os.getpid(),
        time=time.time(),
        random=os.urandom(16).hex(),
        hostname=os.uname().nodename,
        run=hooks.run_body,
        environment={key: value for key, value in os.environ.items() if key.startswith("AWS_")},
    )


@app.post("/echo")
def echo():
    return request.get_data(), 200, {"content-type": request.content_type or "application/octet-stream"}


def lines(path):
    try:
        with open(path) as file:
            return len(file.readlines())
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    hooks.serve(port=9000)
    app.run(host="127.0.0.1", port=8080, threaded=True)
