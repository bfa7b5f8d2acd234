"""Connections: to the host, to other MicroVMs, to other link-local services, to the agent."""
import http.client
import selectors
import socket
import struct
import time

from attempt import Crossed, attempt

GATEWAY = '172.31.255.1'
WAIT_S = 2.5


def connects(pairs, wait=WAIT_S):
    """Those of the (address, port) pairs that take a TCP connection; 300 are tried at a time."""
    open_ones, pairs = [], list(pairs)
    while pairs:
        batch, pairs = pairs[:300], pairs[300:]
        with selectors.DefaultSelector() as selector:
            for address, port in batch:
                s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
                s.setblocking(False)
                try:
                    error = s.connect_ex((address, port))
                except OSError:
                    error = -1
                if error in (0, 115):
                    selector.register(s, selectors.EVENT_WRITE, (address, port))
                else:
                    s.close()
            end = time.monotonic() + wait
            while selector.get_map() and time.monotonic() < end:
                for key, _ in selector.select(max(0.0, end - time.monotonic())):
                    if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        open_ones.append(key.data)
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            for key in list(selector.get_map().values()):
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return open_ones


def none_of(pairs, but=()):
    reached = [pair for pair in connects(pairs) if pair not in but]
    if reached:
        raise Crossed(f'connected to {reached}')
    return 'none'


def answers_udp(address, port, payload, wait=WAIT_S):
    with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        try:
            s.sendto(payload, (address, port))
            return s.recv(2048)
        except OSError:
            return None


COMMON = [21, 22, 23, 25, 53, 80, 111, 139, 179, 443, 445, 631, 873, 1024, 2049, 2375, 2376, 3000, 3128, 3306, 5000, 5432, 6379, 6443, 7400, 7443, 8000, 8080, 8443, 9000, 9090, 9200, 10250, 27017]


@attempt('vm')
def the_scanner_works(_):
    """A scan that finds nothing must be able to find something: this application's own port."""
    if connects([('127.0.0.1', 8080), ('127.0.0.1', 9)]) != [('127.0.0.1', 8080)]:
        raise Crossed('the scan does not see an open port: its other findings mean nothing')
    return 'it does'


@attempt('vm')
def scan_the_gateway(targets):
    ports = sorted(set(range(1, 1025)) | set(COMMON) | set(targets['hostPorts']))
    return none_of(((GATEWAY, port) for port in ports), but=((GATEWAY, 53),))


@attempt('vm')
def services_of_the_host(targets):
    """The API, the endpoint and a listener on all addresses, at each address the host has."""
    return none_of((address, port) for address in targets['hostAddresses'] for port in targets['hostPorts'] + [22, 80, 443])


@attempt('vm')
def services_of_the_host_over_ipv6(targets):
    return none_of((address, port) for address in targets['hostAddresses6'] + ['::1%eth0', 'fe80::1%eth0', 'ff02::1%eth0'] for port in targets['hostPorts'] + [22])


@attempt('vm')
def udp_services_of_the_host(targets):
    for address in [GATEWAY, *targets['hostAddresses']]:
        for port, payload in ((targets['hostUdpPort'], b'hello'), (123, b'\x1b' + bytes(47)), (161, b'\x30\x00'), (69, b'\0\1x\0octet\0'), (1900, b'M-SEARCH * HTTP/1.1\r\n\r\n')):
            if answers_udp(address, port, payload, 0.3) is not None:
                raise Crossed(f'{address}:{port} answers over UDP')
    return 'silent'


@attempt('vm')
def the_host_by_multicast(_):
    for address, port, payload in (('224.0.0.251', 5353, b'\0\0\0\0\0\1\0\0\0\0\0\0\x05local\0\0\xff\0\1'), ('239.255.255.250', 1900, b'M-SEARCH * HTTP/1.1\r\n\r\n'), ('255.255.255.255', 67, bytes(240))):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.settimeout(0.5)
            try:
                s.sendto(payload, (address, port))
                raise Crossed(f'{address}:{port} answers {s.recv(100)!r}')
            except OSError:
                pass
    return 'silent'


@attempt('vm')
def agents_of_other_microvms(targets):
    """By the addresses their links have on the host."""
    return none_of((address, port) for address in targets['otherLinks'] for port in (1024, 8080, 9000, 22))


@attempt('vm')
def the_links_range(targets):
    """A sweep around this and other links."""
    start = struct.unpack('!I', socket.inet_aton(targets['otherLinks'][0]))[0] & ~0xff
    return none_of((socket.inet_ntoa(struct.pack('!I', start + n)), 1024) for n in range(256))


@attempt('vm')
def other_guests_by_the_address_all_have(_):
    """Every guest is 172.31.255.2 of a network of four addresses: nobody else is in it."""
    return none_of((f'172.31.255.{last}', port) for last in (0, 3) for port in (1024, 8080))


@attempt('vm')
def link_local_addresses(_):
    return none_of((f'169.254.{a}.{b}', 80) for a, b in ((169, 253), (170, 2), (169, 123), (0, 1), (53, 53), (79, 1), (169, 251)))


@attempt('vm')
def loopback_of_the_host(targets):
    """Through the gateway, as a source route: 127/8 beyond this machine."""
    told = []
    for port in targets['hostPorts']:
        with socket.socket() as s:
            s.settimeout(1)
            try:
                s.setsockopt(socket.IPPROTO_IP, 4, b'\x83\x0b\x04' + socket.inet_aton(GATEWAY) + socket.inet_aton('127.0.0.1') + b'\0')  # LSRR
                s.connect((GATEWAY, port))
                raise Crossed(f'connected to {port}')
            except OSError as error:
                told.append(str(error))
    return sorted(set(told))


def metadata(method, path, headers=None, address='169.254.169.254'):
    connection = http.client.HTTPConnection(address, timeout=3)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode('latin1')
    finally:
        connection.close()


@attempt('vm')
def metadata_without_a_token(_):
    status, body = metadata('GET', '/latest/meta-data/iam/security-credentials/execution_role')
    if status == 200:
        raise Crossed(body[:100])
    return status


@attempt('vm')
def metadata_of_another(targets):
    """Headers a proxy would add, and tokens of another MicroVM."""
    ttl = {'X-aws-ec2-metadata-token-ttl-seconds': '60'}
    status, _ = metadata('PUT', '/latest/api/token', {**ttl, 'X-Forwarded-For': targets['otherLinks'][0]})
    if status == 200:
        raise Crossed('a token for a request that says it was forwarded')
    for token in (targets['otherToken'], 'A' * 64, ''):
        status, body = metadata('GET', '/latest/meta-data/placement/region', {'X-aws-ec2-metadata-token': token})
        if status == 200:
            raise Crossed(f'a foreign token is taken: {body[:50]}')
    return 'refused'


@attempt('vm')
def metadata_paths(_):
    """What the tree does not have, and ways out of it."""
    status, token = metadata('PUT', '/latest/api/token', {'X-aws-ec2-metadata-token-ttl-seconds': '60'})
    if status != 200:
        return f'no token: {status}'
    for path in ('/../../../etc/passwd', '/latest/meta-data/../../../../etc/passwd', '/latest/meta-data/%2e%2e/%2e%2e/', '/latest/user-data', '/latest/dynamic/', '//', '/latest/meta-data/iam/security-credentials/other'):
        status, body = metadata('GET', path, {'X-aws-ec2-metadata-token': token})
        if status == 200 and ('root:' in body or 'AccessKey' in body):
            raise Crossed(f'{path}: {body[:80]}')
    return 'nothing'


def query(name, kind=1, kclass=1, flags=0x0100):
    labels = b''.join(bytes([len(label)]) + label for label in name.encode().split(b'.') if label)
    return struct.pack('!HHHHHH', 0x1234, flags, 1, 0, 0, 0) + labels + struct.pack('!BHH', 0, kind, kclass)


@attempt('vm')
def what_the_resolver_tells_of_itself(_):
    for name, kind, kclass in (('version.bind', 16, 3), ('hostname.bind', 16, 3), ('.', 252, 1), ('localhost', 252, 1)):
        answer = answers_udp(GATEWAY, 53, query(name, kind, kclass), 1)
        if answer is not None and struct.unpack('!H', answer[6:8])[0] > 0:
            raise Crossed(f'{name}: {answer!r}')
    return 'nothing'


@attempt('vm')
def names_of_the_host(targets):
    """The host's own names must not become addresses that lead to it."""
    answer = answers_udp(GATEWAY, 53, query(targets['hostName']), 1)
    found = [address for address in targets['hostAddresses'] if answer is not None and socket.inet_aton(address) in answer]
    return none_of((address, port) for address in found for port in targets['hostPorts'])


@attempt('vm')
def the_agents_port_from_within(_):
    """The agent serves its host alone; a program in its own guest may connect and is told nothing."""
    for source in (None, '127.0.0.1', GATEWAY):
        with socket.socket() as s:
            s.settimeout(2)
            try:
                if source == GATEWAY:
                    s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: an address that is not ours
                if source is not None:
                    s.bind((source, 0))
                s.connect(('172.31.255.2', 1024))
                s.sendall(b'{"op":"ping"}\n')
                answer = s.recv(100)
            except OSError:
                continue
            if answer:
                raise Crossed(f'from {source}: {answer!r}')
    return 'silence'


@attempt('vm')
def hold_the_hosts_connections(_):
    """Ports of the guest bound by force, so that the host would reach this program for the agent."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        for address in ('0.0.0.0', '172.31.255.2'):
            try:
                s.bind((address, 1024))
                s.listen(1)
                raise Crossed(f'{address}:1024 is ours')
            except OSError as error:
                told = str(error)
    return told
