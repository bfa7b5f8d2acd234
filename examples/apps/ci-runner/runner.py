"""POST /job takes a tar of the sources and streams a line of JSON for each line of the log, the last with the exit code."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

WORK = "/home/ci/job"


class Runner(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if url.path != "/job":  # the ready hook
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        os.makedirs(WORK)
        with tarfile.open(fileobj=io.BytesIO(body)) as sources:
            sources.extractall(WORK)
        subprocess.run(["chown", "-R", "ci:", WORK], check=True)
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        code = 0
        for step in parse_qs(url.query)["step"]:
            self.line(step=step)
            child = subprocess.Popen(["su", "ci", "-c", step], cwd=WORK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
            for line in child.stdout:
                self.line(log=line.rstrip("\n"))
            code = child.wait()
            if code != 0:
                break
        self.line(exit=code)
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        """An artifact, by its name below the sources."""
        path = os.path.realpath(os.path.join(WORK, self.path.lstrip("/")))
        found = path.startswith(WORK + "/") and os.path.isfile(path)
        self.send_response(200 if found else 404)
        self.send_header("content-length", str(os.path.getsize(path) if found else 0))
        self.end_headers()
        if found:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, self.wfile)

    def line(self, **content):
        data = (json.dumps(content) + "\n").encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), Runner).serve_forever()
