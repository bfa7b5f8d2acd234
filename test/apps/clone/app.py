"""Tells what identifies this machine, and what its random generators give: those of new processes and of old ones.

POST /run executes the posted script. POST /connect opens a connection; GET /facts tells how all ended.
"""
import http.server
import json
import os
import random
import secrets
import socket
import ssl
import subprocess
import threading
import time

PEER = (os.environ["PEER"], 7000) if "PEER" in os.environ else None
connections = []


def connect(address):
    """Opens a connection nobody writes to, and notes how a read on it ends."""
    entry = {"end": None}
    connections.append(entry)
    sock = socket.create_connection(address, timeout=30)
    sock.settimeout(None)

    def read():
        try:
            entry["end"] = "data" if sock.recv(1) else "end of file"
        except OSError as error:
            entry["end"] = os.strerror(error.errno)

    threading.Thread(target=read, daemon=True).start()


def text(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Node:
    """A Node process that lives as long as this one; where the image has none, nothing."""

    def __init__(self):
        self.process = None
        if os.path.exists("/usr/local/bin/node"):
            self.process = subprocess.Popen(["node", "generate.cjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self.process.stdout.readline() == "ready\n"

    def generate(self):
        if self.process is None:
            return None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def read(path):
    with open(path) as file:
        return file.read().strip()


def facts():
    with open("/dev/urandom", "rb") as file:
        urandom = file.read(16).hex()
    new = {"openssl": text("openssl", "rand", "-hex", "16")}
    if node.process is not None:
        new["node"] = text("node", "-p", "require('node:crypto').randomBytes(16).toString('hex')")
    return {
        "kernel": {"getrandom": os.getrandom(16).hex(), "urandom": urandom, "secrets": secrets.token_hex(16), "uuid": read("/proc/sys/kernel/random/uuid")},
        "new": new,
        "old": {"openssl": ssl.RAND_bytes(16).hex(), "node": node.generate(), "random": random.random()},
        "bootId": read("/proc/sys/kernel/random/boot_id"),
        "mac": read("/sys/class/net/eth0/address"),
        "machineId": read("/etc/machine-id"),
        "hostKey": read("/etc/ssh/ssh_host_ed25519_key.pub"),
        "hostname": socket.gethostname(),
        "connections": [entry["end"] for entry in connections],
        "time": time.time(),
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/connections":
            self.answer([entry["end"] for entry in connections])
        else:
            self.answer(facts())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/run":
            done = subprocess.run(["sh", "-c", body], capture_output=True, text=True)
            self.answer({"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})
        elif self.path == "/reseed":
            ssl.RAND_add(os.urandom(64), 64)
            self.answer(None)
        elif self.path == "/connect":
            connect(PEER)
            self.answer(None)
        else:  # the ready hook
            self.answer(None)

    def log_message(self, *args):
        pass


# What was used before the snapshot: generators seeded, ids read, connections open.
ssl.RAND_bytes(1)
random.random()
node = Node()
read("/proc/sys/kernel/random/boot_id")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
if PEER is not None:
    connect(PEER)
connect(("127.0.0.1", 8080))
threading.Event().wait()
