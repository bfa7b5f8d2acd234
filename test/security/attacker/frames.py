"""Raw frames: what a guest puts on the wire when it does not keep to the rules. Needs CAP_NET_RAW, which Docker gives."""
import socket
import struct
import time

from attempt import Crossed, attempt
from network import GATEWAY

NIC = 'eth0'
GUEST = '172.31.255.2'
BROADCAST = b'\xff' * 6
GATEWAY_MAC = bytes.fromhex('025444470001')


def own_mac():
    return bytes.fromhex(open(f'/sys/class/net/{NIC}/address').read().strip().replace(':', ''))


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data[: len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, protocol, payload, options=b'', fragment=0, identifier=7):
    head = struct.pack('!BBHHHBBH4s4s', 0x40 | (5 + len(options) // 4), 0, 20 + len(options) + len(payload), identifier, fragment, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(destination)) + options
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def tcp(source, destination, sport, dport, flags=2, seq=1000, ack=0, data=b''):
    head = struct.pack('!HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, 65535, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack('!BBH', 0, 6, len(head) + len(data))
    return head[:16] + struct.pack('!H', checksum(pseudo + head + data)) + head[18:] + data


def udp(sport, dport, data):
    return struct.pack('!HHHH', sport, dport, 8 + len(data), 0) + data


class Wire:
    """eth0, raw both ways."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((NIC, 0))
        self.mac = own_mac()

    def send(self, kind, payload, destination=GATEWAY_MAC, source=None):
        self.socket.send((destination + (source or self.mac) + struct.pack('!H', kind) + payload).ljust(60, b'\0'))

    def answers(self, wanted, seconds=1.5):
        """The first frame from outside that `wanted` accepts."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, (_, _, kind, _, _) = self.socket.recvfrom(65536)
            except OSError:
                return None
            if kind != socket.PACKET_OUTGOING and wanted(frame):
                return frame
        return None


def silent(wire, wanted, told=lambda answer: f'{socket.inet_ntoa(answer[26:30])} answers'):
    """Crossed when a frame comes from outside that `wanted` accepts, in the words of `told`."""
    answer = wire.answers(wanted)
    if answer is not None:
        raise Crossed(told(answer))
    return 'silence'


def is_tcp_to(frame, port, source=None):
    return frame[12:14] == b'\x08\0' and frame[23] == 6 and frame[36:38] == struct.pack('!H', port) and (source is None or frame[26:30] == socket.inet_aton(source))


@attempt('vm')
def the_wire_works(_):
    """Frames leave and answers are seen: an ARP request for the gateway, which is there for everybody."""
    wire = Wire()
    wire.send(0x0806, arp(1, wire.mac, GUEST, bytes(6), GATEWAY), BROADCAST)
    if wire.answers(lambda f: f[12:14] == b'\x08\x06' and f[20:22] == b'\0\2') is None:
        raise Crossed('no ARP answer of the gateway: what the other attempts of this file find means nothing')
    return 'it does'


def arp(operation, mac, address, target_mac, target):
    return struct.pack('!HHBBH6s4s6s4s', 1, 0x0800, 6, 4, operation, mac, socket.inet_aton(address), target_mac, socket.inet_aton(target))


@attempt('vm')
def pretend_to_be_the_gateway(_):
    wire = Wire()
    for _ in range(20):
        wire.send(0x0806, arp(2, wire.mac, GATEWAY, BROADCAST, GATEWAY), BROADCAST)
        wire.send(0x0806, arp(2, GATEWAY_MAC, GUEST, BROADCAST, GUEST), BROADCAST, source=GATEWAY_MAC)
    return 'sent'


@attempt('vm')
def take_addresses_by_arp(targets):
    wire = Wire()
    for address in targets['otherLinks'] + targets['hostAddresses'] + ['169.254.169.254']:
        for _ in range(5):
            wire.send(0x0806, arp(2, wire.mac, address, BROADCAST, address), BROADCAST)
            wire.send(0x0806, arp(1, wire.mac, address, bytes(6), address), BROADCAST)
    return 'sent'


@attempt('vm')
def ask_for_others_by_arp(targets):
    """Nobody but the gateway may answer."""
    wire = Wire()
    asked = targets['otherLinks'] + targets['hostAddresses'] + ['172.31.255.3', '172.31.255.0', '169.254.169.254']
    for address in asked:
        wire.send(0x0806, arp(1, wire.mac, GUEST, bytes(6), address), BROADCAST)
    return silent(wire, lambda f: f[12:14] == b'\x08\x06' and f[20:22] == b'\0\2' and f[28:32] in [socket.inet_aton(a) for a in asked], lambda answer: f'{socket.inet_ntoa(answer[28:32])} is told by ARP')


@attempt('vm')
def a_source_of_a_neighbour(targets):
    """SYNs to the neighbour's agent and to the host, from the neighbour's, the host's and public addresses."""
    wire = Wire()
    for source in targets['otherLinks'][:2] + targets['hostAddresses'][:2] + ['8.8.8.8', '127.0.0.1', GATEWAY]:
        for destination in targets['otherLinks'][:2] + targets['hostAddresses'][:2] + [GATEWAY]:
            for port in [1024, *targets['hostPorts']]:
                wire.send(0x0800, ipv4(source, destination, 6, tcp(source, destination, 4444, port)))
    return silent(wire, lambda f: is_tcp_to(f, 4444))


@attempt('vm')
def another_mac(targets):
    wire = Wire()
    for mac in (bytes.fromhex('02deadbeef01'), GATEWAY_MAC, bytes(6), BROADCAST):
        for destination in targets['hostAddresses'][:2] + targets['otherLinks'][:1]:
            wire.send(0x0800, ipv4(GUEST, destination, 6, tcp(GUEST, destination, 4445, targets['hostPorts'][0])), source=mac)
    return silent(wire, lambda f: is_tcp_to(f, 4445))


@attempt('vm')
def fragments(targets):
    """A header cut into pieces, and pieces that overlap, to get a port past a filter."""
    wire = Wire()
    for destination in [GATEWAY, *targets['hostAddresses'][:2], *targets['otherLinks'][:1]]:
        for port in [1024, *targets['hostPorts']]:
            segment = tcp(GUEST, destination, 4446, port)
            allowed = tcp(GUEST, destination, 4446, 53)
            wire.send(0x0800, ipv4(GUEST, destination, 6, segment[:8], fragment=0x2000, identifier=port))
            wire.send(0x0800, ipv4(GUEST, destination, 6, segment[8:], fragment=1, identifier=port))
            wire.send(0x0800, ipv4(GUEST, destination, 6, allowed[:16], fragment=0x2000, identifier=port ^ 0x5555))
            wire.send(0x0800, ipv4(GUEST, destination, 6, segment, fragment=0, identifier=port ^ 0x5555))
    return silent(wire, lambda f: is_tcp_to(f, 4446) and f[47] & 0x12 == 0x12)


@attempt('vm')
def source_routes(targets):
    wire = Wire()
    for via in targets['otherLinks'][:2] + targets['hostAddresses'][:2]:
        for kind in (0x83, 0x89):
            options = bytes([kind, 7, 4]) + socket.inet_aton(via) + b'\0'
            for port in [1024, *targets['hostPorts']]:
                wire.send(0x0800, ipv4(GUEST, GATEWAY, 6, tcp(GUEST, GATEWAY, 4447, port), options))
    return silent(wire, lambda f: is_tcp_to(f, 4447), lambda answer: 'answered')


@attempt('vm')
def echo_and_redirects(targets):
    wire = Wire()
    for destination in targets['hostAddresses'] + targets['otherLinks'] + ['8.8.8.8']:
        echo = struct.pack('!BBHHH', 8, 0, 0, 77, 1) + b'tardigrade'
        wire.send(0x0800, ipv4(GUEST, destination, 1, echo[:2] + struct.pack('!H', checksum(echo)) + echo[4:]))
        redirect = struct.pack('!BBH4s', 5, 1, 0, socket.inet_aton(GUEST)) + ipv4(destination, GUEST, 6, tcp(destination, GUEST, 1, 2)[:8])
        wire.send(0x0800, ipv4(GATEWAY, destination, 1, redirect[:2] + struct.pack('!H', checksum(redirect)) + redirect[4:]))
    return silent(wire, lambda f: f[12:14] == b'\x08\0' and f[23] == 1 and f[34] == 0, lambda answer: f'{socket.inet_ntoa(answer[26:30])} answers an echo')


@attempt('vm')
def be_a_dhcp_server_and_client(_):
    wire = Wire()
    discover = struct.pack('!BBBBIHH', 1, 1, 6, 0, 0x1234, 0, 0x8000) + bytes(16) + wire.mac.ljust(16, b'\0') + bytes(192) + b'\x63\x82\x53\x63\x35\x01\x01\xff'
    wire.send(0x0800, ipv4('0.0.0.0', '255.255.255.255', 17, udp(68, 67, discover)), BROADCAST)
    offer = b'\x02' + discover[1:-4] + b'\x35\x01\x02\x03\x04' + socket.inet_aton(GUEST) + b'\xff'
    wire.send(0x0800, ipv4(GUEST, '255.255.255.255', 17, udp(67, 68, offer)), BROADCAST)
    return silent(wire, lambda f: f[12:14] == b'\x08\0' and f[23] == 17 and f[36:38] == b'\0\x44', lambda answer: 'a DHCP server answers')


@attempt('vm')
def neighbours_and_routers_of_ipv6(targets):
    """Advertisements as a router and as others, solicitations to all nodes: IPv6 is not there."""
    wire = Wire()
    link_local = socket.inet_pton(socket.AF_INET6, 'fe80::5444:47ff:fe00:2')
    for kind, rest in ((134, bytes([64, 0, 7, 8]) + bytes(8)), (135, bytes(4) + bytes.fromhex('fe800000000000000000000000000001')), (136, b'\x20\0\0\0' + link_local), (128, b'\0\1\0\1ping')):
        for destination in ('ff02::1', 'ff02::2', 'fe80::1', *targets['hostAddresses6'][:2]):
            packed = socket.inet_pton(socket.AF_INET6, destination)
            body = bytes([kind, 0, 0, 0]) + rest
            body = body[:2] + struct.pack('!H', checksum(link_local + packed + struct.pack('!II', len(body), 58) + body)) + body[4:]
            wire.send(0x86dd, struct.pack('!IHBB', 0x60000000, len(body), 58, 255) + link_local + packed + body, b'\x33\x33\0\0\0\1')
    return silent(wire, lambda f: f[12:14] == b'\x86\xdd' and f[6:12] != wire.mac, lambda answer: f'IPv6 from {answer[6:12].hex()}')


@attempt('vm')
def other_kinds_of_frames(_):
    """VLANs, spanning tree, LLDP, 802.1X, jumbo, runt and nonsense."""
    wire = Wire()
    inner = struct.pack('!H', 0x0800) + ipv4(GUEST, GATEWAY, 6, tcp(GUEST, GATEWAY, 4448, 1024))
    for kind, payload in ((0x8100, b'\0\1' + inner), (0x88a8, b'\0\1\x81\0\0\2' + inner), (0x88cc, b'\2\7\4abcdef\0\0'), (0x888e, b'\1\1\0\0'), (0x0026, b'\x42\x42\3' + bytes(35)), (0x8863, bytes(40)), (0x8847, bytes(40)), (0xffff, bytes(1000))):
        for destination in (GATEWAY_MAC, BROADCAST, bytes.fromhex('0180c2000000'), bytes.fromhex('0180c200000e')):
            wire.send(kind, payload, destination)
    for size in (0, 1, 13, 1400):
        try:
            wire.socket.send(bytes(size))
        except OSError:
            pass
    return silent(wire, lambda f: is_tcp_to(f, 4448))


@attempt('vm')
def the_agent_by_forged_packets(_):
    """A handshake with this guest's own agent in the gateway's name: SYN over lo, the answer read from the wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        wire = Wire()
        raw.sendto(ipv4(GATEWAY, GUEST, 6, tcp(GATEWAY, GUEST, 4449, 1024)), (GUEST, 0))
        end = time.monotonic() + 2
        wire.socket.settimeout(2)
        while time.monotonic() < end:
            try:
                frame = wire.socket.recv(65536)
            except OSError:
                break
            if not is_tcp_to(frame, 4449):
                continue
            if len(frame) >= 54 and frame[47] & 0x12 == 0x12:
                ack = struct.unpack('!I', frame[38:42])[0] + 1
                raw.sendto(ipv4(GATEWAY, GUEST, 6, tcp(GATEWAY, GUEST, 4449, 1024, 0x10, 1001, ack)), (GUEST, 0))
                raw.sendto(ipv4(GATEWAY, GUEST, 6, tcp(GATEWAY, GUEST, 4449, 1024, 0x18, 1001, ack, b'{"op":"ping"}\n')), (GUEST, 0))
            elif b'"ok"' in frame:
                raise Crossed('the agent answered a forged request')
    return 'silence'
