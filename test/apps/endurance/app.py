"""Grows three things that must survive suspends: a SQLite database, a map in memory, and the count of a long-lived process."""

import hashlib
import json
import multiprocessing
import os
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = 50
database = sqlite3.connect("/data/rows.db", check_same_thread=False, isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB, sum TEXT)")
entries = {}
lock = threading.Lock()
beats = multiprocessing.Value("L", 0)


def beat(counter):
    while True:
        counter.value += 1
        time.sleep(0.05)


worker = multiprocessing.Process(target=beat, args=(beats,), daemon=True)


def checksum(body):
    return hashlib.sha256(body).hexdigest()


def grow():
    database.execute("BEGIN")
    for _ in range(ROWS):
        body = os.urandom(2048)
        database.execute("INSERT INTO rows (body, sum) VALUES (?, ?)", (body, checksum(body)))
    database.execute("COMMIT")
    for _ in range(ROWS):
        body = os.urandom(1024)
        entries[checksum(body)] = body


def check():
    rows = database.execute("SELECT body, sum FROM rows").fetchall()
    return {
        "rows": len(rows),
        "entries": len(entries),
        "damaged": sum(checksum(body) != expected for body, expected in rows) + sum(checksum(body) != key for key, body in entries.items()),
        "integrity": database.execute("PRAGMA integrity_check").fetchone()[0],
        "pid": worker.pid,
        "alive": worker.is_alive(),
        "beats": beats.value,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        with lock:
            if self.command == "POST" and self.path == "/":  # other paths are hooks
                grow()
            body = json.dumps(check()).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    worker.start()
    ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
