"""The server's side of a WebSocket (RFC 6455), as far as text messages in one frame need it."""

import base64
import hashlib
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MAX = 64 * 1024  # bytes of a message


class Closed(Exception):
    pass


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


class WebSocket:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def receive(self):
        while True:
            first, second = self.exactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self.exactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self.exactly(8))
            if length > MAX or not second & 0x80:
                raise Closed
            mask = self.exactly(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self.exactly(length)))
            kind = first & 0x0F
            if kind == TEXT:
                return data.decode()
            if kind == PING:
                self.send(data, PONG)
            if kind == CLOSE:
                raise Closed

    def send(self, text, kind=TEXT):
        data = text if isinstance(text, bytes) else text.encode()
        length = struct.pack("!BB", 0x80 | kind, len(data)) if len(data) < 126 else struct.pack("!BBH", 0x80 | kind, 126, len(data))
        self.writer.write(length + data)
        self.writer.flush()

    def exactly(self, size):
        data = self.reader.read(size)
        if len(data) < size:
            raise Closed
        return data
