"""POST /step runs a customer's function on one event. The process may do what it likes: nothing else is in this machine."""

import json
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Step(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = {}
        if self.path == "/step":
            asked = json.loads(body)
            try:
                scope = {}
                exec(compile(asked["code"], "<customer>", "exec"), scope)
                answer = {"result": scope["handle"](asked["event"])}
            except Exception:
                answer = {"error": traceback.format_exc(limit=-1)}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), Step).serve_forever()
