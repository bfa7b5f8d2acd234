"""Evaluates the Python that is posted to it; keeps what it got of the metadata service at the build and in its hooks."""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import client

kept = {}


def keep(name):
    try:
        kept[name] = client.get(client.ROLE)
    except OSError as error:
        kept[name] = [0, str(error)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('content-length') or 0)).decode()
        if self.path == '/evaluate':
            value = eval(body, {'client': client, 'kept': kept})
        else:
            value = keep(self.path.rsplit('/', 1)[-1])
        answer = json.dumps(value).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if __name__ == '__main__':
    keep('build')
    ThreadingHTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
