"""Does harm when asked: POST /panic, /exit, /write?<MiB>."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def panic():
    with open("/proc/sys/kernel/sysrq", "w") as file:
        file.write("1")
    with open("/proc/sysrq-trigger", "w") as file:
        file.write("c")


def write(mebibytes):
    with open("/filler", "ab") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self):
        path, _, argument = self.path.partition("?")
        if path == "/write":
            write(int(argument))
        self.do_GET()
        self.wfile.flush()
        if path == "/panic":
            threading.Timer(0.2, panic).start()
        if path == "/exit":
            threading.Timer(0.2, lambda: os._exit(7)).start()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
