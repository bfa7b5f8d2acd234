"""Plays one match: over a WebSocket come the players' scripts, and each turn goes back."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from arena import Script, play
from websocket import Closed, WebSocket, accept_of


class Match(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the ready hook
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_response(101)
        for name, value in (("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", accept_of(self.headers["sec-websocket-key"]))):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        socket = WebSocket(self.rfile, self.wfile)
        try:
            scripts = [Script(name, code) for name, code in json.loads(socket.receive()).items()]
            play(scripts, lambda message: socket.send(json.dumps(message)))
            socket.receive()  # until the other side closes
        except Closed:
            pass

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), Match).serve_forever()
