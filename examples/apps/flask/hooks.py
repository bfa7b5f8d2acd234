"""The lifecycle hooks, on a port of their own."""

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/aws/lambda-microvms/runtime/v1/"
run_body = None


class Hooks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global run_body
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        hook = self.path.removeprefix(PREFIX)
        print(f"hook {hook}", flush=True)
        status = 200
        if hook == "ready":
            status = 200 if answers() else 503
        if hook == "run":
            run_body = json.loads(body)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def answers():
    """Is the application itself up? The snapshot is taken once this is true."""
    try:
        return urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5).status == 200
    except OSError:
        return False


def serve(port):
    server = ThreadingHTTPServer(("127.0.0.1", port), Hooks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
