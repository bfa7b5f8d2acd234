"""POST /browse gives commands to one edbrowse, which was started before the snapshot and keeps page, scripts and cookies."""

import json
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import shop

browser = subprocess.Popen(["edbrowse"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
one_at_a_time = threading.Lock()


def browse(command):
    """What the browser answers to one line."""
    mark = uuid.uuid4().hex
    browser.stdin.write(f"{command}\n!echo {mark}\n")
    browser.stdin.flush()
    lines = []
    for line in browser.stdout:
        if line.strip() == mark:
            browser.stdout.readline()  # ok
            return "\n".join(lines)
        lines.append(line.rstrip("\n"))
    raise RuntimeError("the browser ended: " + "\n".join(lines))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with one_at_a_time:
            if self.path == "/browse":
                answer = [browse(command) for command in json.loads(body)["commands"]]
            else:  # the ready hook: with a page open, so that the browser's code has run once
                answer = [browse(f"b {shop.URL}")]
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


shop.start()
ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
