"""Disks and files: what of the host, of other MicroVMs and of the agent can be reached through them."""
import glob
import os
import stat

from attempt import Crossed, attempt, refused


@attempt('container')
def make_device_nodes(_):
    """CAP_MKNOD is among Docker's capabilities: nodes may be made, and must not open."""
    told = []
    for name, kind, major, minor in (('mem', stat.S_IFCHR, 1, 1), ('port', stat.S_IFCHR, 1, 4), ('kmsg', stat.S_IFCHR, 1, 11), ('vda', stat.S_IFBLK, 254, 0),
                                     ('vda2', stat.S_IFBLK, 253, 0), ('loop', stat.S_IFBLK, 7, 0), ('ttyS', stat.S_IFCHR, 4, 64), ('tun', stat.S_IFCHR, 10, 200)):
        for folder in ('/tmp', '/', '/run'):
            path = f'{folder}/node-{name}'
            try:
                os.mknod(path, kind | 0o600, os.makedev(major, minor))
            except OSError as error:
                told.append(str(error.strerror))
                continue
            try:
                os.close(os.open(path, os.O_RDWR))
                raise Crossed(f'{path} ({major}:{minor}) opens')
            except OSError as error:
                told.append(str(error.strerror))
            finally:
                os.unlink(path)
    return sorted(set(told))


@attempt('container')
def open_the_raw_disk(_):
    disks = [path for path in glob.glob('/dev/vd*') if stat.S_ISBLK(os.stat(path).st_mode)]
    return [refused(os.open, path, os.O_RDWR) for path in disks] or 'no disk in /dev'


@attempt('vm')
def find_others_on_the_disks(targets):
    """Everything this machine has for disks, raw: no other MicroVM's and no host's secret may be on them."""
    secrets = [bytes(reversed(bytes.fromhex(text))) for text in targets['secretsReversed']]
    scanned = 0
    for path in glob.glob('/dev/vd*') + glob.glob('/dev/sd*'):
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        size, position, tail = os.lseek(fd, 0, os.SEEK_END), 0, b''
        while position < size:
            try:  # holes read as zeros and cost time: only what has data is looked at
                block = os.pread(fd, 1 << 22, position)
            except OSError:
                break
            text = tail + block
            for secret in secrets:
                if secret in text:
                    raise Crossed(f'a secret is on {path}, near {position}')
            tail, position, scanned = block[-64:], position + len(block), scanned + len(block)
            if scanned > 1 << 30 or not block:
                break
        os.close(fd)
    return f'{scanned >> 20} MiB'


@attempt('vm')
def pretend_to_be_an_overlay(_):
    """A disk that begins like a qcow2 with a backing file of the host's: whoever guesses formats would open it."""
    name = b'/etc/shadow'
    header = b'QFI\xfb' + (2).to_bytes(4, 'big') + (72).to_bytes(8, 'big') + len(name).to_bytes(4, 'big') + (16).to_bytes(4, 'big') + (1 << 30).to_bytes(8, 'big')
    header = header.ljust(72, b'\0') + name
    for path in glob.glob('/dev/vd?'):
        try:
            fd = os.open(path, os.O_RDWR)
        except OSError as error:
            return str(error)
        before = os.pread(fd, 512, 0)
        os.pwrite(fd, header.ljust(512, b'\0'), 0)
        os.fsync(fd)
        again = os.pread(fd, 1024, 0)
        os.pwrite(fd, before, 0)
        os.close(fd)
        if b'root:' in again:
            raise Crossed('the host resolved the backing file')
    return 'written and read back as bytes'


@attempt('vm')
def files_of_the_host_by_name(targets):
    """Paths of the host: here they are the guest's own, or nothing."""
    for path in targets['hostPaths']:
        for root in ('', '/proc/1/root', '/proc/self/cwd/../../../..'):
            try:
                data = open(root + path, 'rb').read(4096)
            except OSError:
                continue
            if any(bytes(reversed(bytes.fromhex(text))) in data for text in targets['secretsReversed']):
                raise Crossed(f'{root}{path} is the host\'s')
    return 'none'


@attempt('vm')
def shared_folders_of_the_vmm(_):
    """virtio-9p, virtio-fs, fw_cfg and PCI: the machine has none of them."""
    seen = glob.glob('/sys/bus/virtio/drivers/9pnet*/virtio*') + glob.glob('/sys/bus/pci/devices/*') + glob.glob('/sys/fs/fuse/connections/virtiofs*')
    if seen:
        raise Crossed(str(seen))
    kinds = {open(path).read().strip() for path in glob.glob('/sys/bus/virtio/devices/*/device')}
    if not kinds <= {'0x0001', '0x0002', '0x0004'}:  # network, disk, entropy
        raise Crossed(f'devices {kinds}')
    return sorted(kinds)


@attempt('container')
def read_the_agents_files(_):
    for path in ('/modules', '/init'):
        if os.path.exists(path):
            raise Crossed(path)
    return 'not here'


@attempt('container')
def environment_holds_no_credentials(_):
    names = [name for name in os.environ if name.startswith('AWS_') and ('KEY' in name or 'TOKEN' in name or 'SECRET' in name)]
    if names:
        raise Crossed(str(names))
    return 'none'
