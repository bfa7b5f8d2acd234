"""Floods: each takes one resource until its MicroVM is ended. This machine may go down with them; its neighbours may not."""
import os
import socket
import struct
import threading
import time

from network import GATEWAY


def forever(step):
    while True:
        try:
            step()
        except OSError:
            time.sleep(0.01)


def fork_bomb(_):
    while True:
        try:
            if os.fork() == 0:
                continue
        except OSError:
            time.sleep(0.05)


def memory(_):
    held = []
    while True:
        try:
            held.append(bytearray(os.urandom(4096) * 4096))
        except MemoryError:
            time.sleep(0.1)


def disk(_):
    """Random bytes, which no layer can leave out, written and overwritten."""
    block = os.urandom(1 << 20)
    n = 0

    def step():
        nonlocal n
        n = (n + 1) % 64
        with open(f'/flood-{n}', 'wb') as file:
            for _ in range(256):
                file.write(block)
            os.fsync(file.fileno())
    forever(step)


def synchronous_writes(_):
    fd = os.open('/flood-sync', os.O_RDWR | os.O_CREAT | os.O_DSYNC)
    forever(lambda: os.pwrite(fd, os.urandom(4096), 4096 * (time.monotonic_ns() % 10000)))


def inodes(_):
    n = 0

    def step():
        nonlocal n
        n += 1
        folder = f'/inodes/{n % 500}'
        os.makedirs(folder, exist_ok=True)
        for i in range(100):
            open(f'{folder}/{n}-{i}', 'w').close()
    forever(step)


def log(_):
    """Lines short and long, and without end."""
    line = (b'x' * 200 + b'\n') * 300 + b'y' * 100_000 + b'\n' + b'\x1b[2J\0\xff' * 100

    def step():
        os.write(1, line)
    forever(step)


def console(_):
    """Past the log: what the machine itself prints, where the container may."""
    targets = []
    for name, major, minor in (('kmsg', 1, 11), ('console', 5, 1), ('ttyS0', 4, 64), ('ttyAMA0', 204, 64)):
        try:
            os.mknod(f'/flood-{name}', 0o20600, os.makedev(major, minor))
            targets.append(os.open(f'/flood-{name}', os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            pass
    while True:
        for fd in targets:
            try:
                os.write(fd, b'z' * 900 + b'\n')
            except OSError:
                pass
        if not targets:
            time.sleep(1)


def connections(targets):
    """Connections opened and never closed, to wherever packets go."""
    held = []

    def step():
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((targets['flooded'], 1 + len(held) % 65000))
        held.append(s)
        if len(held) > 900:
            held.pop(0).close()
    forever(step)


def packets(targets):
    """Small datagrams, as fast as they go."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    forever(lambda: s.sendto(b'flood', (targets['flooded'], 9)))


def frames(_):
    from frames import BROADCAST, Wire, arp
    wire = Wire()
    payload = arp(1, wire.mac, '172.31.255.2', bytes(6), GATEWAY)
    forever(lambda: wire.send(0x0806, payload, BROADCAST))


def names(_):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    n = 0

    def step():
        nonlocal n
        n += 1
        label = str(n).encode()
        s.sendto(struct.pack('!HHHHHH', n & 0xffff, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label + b'\x07invalid\0\0\1\0\1', (GATEWAY, 53))
    forever(step)


def metadata(_):
    def step():
        with socket.create_connection(('169.254.169.254', 80), 2) as s:
            s.sendall(b'PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n')
            s.recv(4096)
    for _ in range(16):
        threading.Thread(target=forever, args=(step,), daemon=True).start()
    forever(lambda: time.sleep(1))


def processors(_):
    for _ in range(2 * (os.cpu_count() or 1) - 1):
        if os.fork() == 0:
            break
    while True:
        pass


def entropy(_):
    fd = os.open('/dev/hwrng' if os.access('/dev/hwrng', os.R_OK) else '/dev/urandom', os.O_RDONLY)
    forever(lambda: os.read(fd, 65536))


FLOODS = {name.replace('_', '-'): function for name, function in {
    'fork_bomb': fork_bomb, 'memory': memory, 'disk': disk, 'synchronous_writes': synchronous_writes, 'inodes': inodes, 'log': log, 'console': console,
    'connections': connections, 'packets': packets, 'frames': frames, 'names': names, 'metadata': metadata, 'processors': processors, 'entropy': entropy,
}.items()}

