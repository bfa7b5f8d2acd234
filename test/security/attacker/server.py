"""The hostile application: runs attempts and floods on request, each in a process of its own."""
import http.server
import json
import multiprocessing

import attempt
import devices  # noqa: F401 (registers its attempts)
import floods
import frames  # noqa: F401
import kernel  # noqa: F401
import network  # noqa: F401

LIMIT_S = 40
remembered = []
hooks = {}


def run(name, targets):
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=attempt.perform, args=(name, targets, theirs))
    process.start()
    theirs.close()
    try:
        answer = mine.recv() if mine.poll(LIMIT_S) else {'crossed': False, 'how': f'nothing in {LIMIT_S} s'}
    except EOFError:
        process.join(5)
        answer = {'crossed': False, 'how': f'the process was ended, code {process.exitcode}'}
    process.kill()
    process.join()
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # One segment per answer at once: else Nagle's algorithm would be most of a latency.
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == '/attempts':
            return self.answer([{'name': name, 'boundary': it['boundary'], 'last': it['last']} for name, it in attempt.ATTEMPTS.items()])
        if self.path == '/remembered':
            return self.answer(remembered)
        if self.path == '/headers':
            return self.answer(dict(self.headers))
        self.answer({'ready': True})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get('content-length') or 0)) or 'null')
        kind, _, name = self.path[1:].partition('/')
        if kind == 'attempt':
            return self.answer(run(name, request))
        if kind == 'flood':
            multiprocessing.Process(target=floods.FLOODS[name], args=(request,)).start()
            return self.answer({'flooding': name})
        if kind == 'remember':
            remembered.append(request)
            with open('/remembered', 'w') as file:
                file.write(request)
            return self.answer({'remembered': True})
        if kind == 'hooks':
            hooks.clear()
            hooks.update(request)
            return self.answer({'set': True})
        self.hook()

    def hook(self):
        """What a caller of hooks must not follow, wait for or keep."""
        how = hooks.get('how')
        if how == 'redirect':
            self.send_response(307)
            self.send_header('location', hooks['to'])
            self.send_header('content-length', '0')
            self.end_headers()
        elif how == 'endless':
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b'x' * 65536)
        elif how == 'headers':
            self.wfile.write(b'HTTP/1.1 200 OK\r\n' + b''.join(b'x-%d: %s\r\n' % (n, b'y' * 1000) for n in range(1000)) + b'\r\n')
        elif how == 'nonsense':
            self.wfile.write(bytes(range(256)) * 64)
            self.close_connection = True
        else:
            self.answer({'ok': True})

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == '__main__':
    # Attempts and floods are forked by a process that has no threads.
    multiprocessing.set_start_method('forkserver')
    multiprocessing.set_forkserver_preload(['attempt', 'devices', 'floods', 'frames', 'kernel', 'network'])
    Server(('', 8080), Handler).serve_forever()
