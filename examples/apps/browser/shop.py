"""A little shop to be browsed, so that the example needs no network: a script counts, a form orders, a cookie remembers."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

URL = "http://127.0.0.1:8081/"
PAGE = """<title>Shop</title>
<script>function count() { document.getElementById('total').innerHTML = 'total ' + 3 * 14; }</script>
<body onload="count()"><p id="total">not counted</p>
<form action="/order" method="post">Name <input name="name" type="text"> <input type="submit" value="Order"></form>
<a href="/orders">My orders</a>"""


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/orders":
            self.page(f"<p>cookie {self.headers.get('cookie') or 'none'}")
        else:
            self.page(PAGE)

    def do_POST(self):
        name = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())["name"][0]
        self.page(f"<p>thanks {name}", cookie=f"customer={name}; Path=/")

    def page(self, text, cookie=None):
        content = text.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(content)))
        if cookie:
            self.send_header("set-cookie", cookie)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def start():
    threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 8081), Shop).serve_forever, daemon=True).start()
