"""Serves the workspace's files, so that what the agent does can be looked at while it works."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Preview(SimpleHTTPRequestHandler):
    def do_POST(self):  # the ready hook
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), partial(Preview, directory="/workspace")).serve_forever()
