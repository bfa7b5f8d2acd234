"""POST /execute runs code in the kernel, which keeps its variables from one request to the next."""

import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOOKS = "/aws/lambda-microvms/runtime/v1/"
TIMEOUT_S = 20

kernel = subprocess.Popen([sys.executable, "kernel.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
one_at_a_time = threading.Lock()


def tell(message):
    kernel.stdin.write(json.dumps(message) + "\n")
    kernel.stdin.flush()


def execute(code, timeout):
    with one_at_a_time:
        tell({"code": code})
        # A cell that takes too long is interrupted as by Ctrl-C, and the variables stay.
        timer = threading.Timer(timeout, kernel.send_signal, [signal.SIGINT])
        timer.start()
        try:
            return json.loads(kernel.stdout.readline())
        finally:
            timer.cancel()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/execute":
            cell = json.loads(body)
            return self.answer(execute(cell["code"], float(cell.get("timeout", TIMEOUT_S))))
        if self.path == HOOKS + "ready":
            execute("None", TIMEOUT_S)  # the kernel is up, and in the snapshot
        if self.path == HOOKS + "run":
            with one_at_a_time:
                tell({"reseed": True})  # or random would be the same in every MicroVM
        self.answer({})

    def answer(self, content):
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
