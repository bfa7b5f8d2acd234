/** The container in a real guest: what the default takes away, and what `ALL` opens. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runCli } from './support/cli.js';
import { type RunningVm, runVm } from './support/microvms.js';
import { probeImage, runScript } from './support/probe-image.js';
import { closeShared, type Service, sharedService } from './support/service.js';

/** Runs Python in the application's container and answers what it printed. */
async function python(vm: RunningVm, program: string): Promise<string> {
  const { code, stdout, stderr } = await runScript(vm, `python3 - <<'PROGRAM'\n${program}\nPROGRAM`);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

const STATUS = 'grep -E "^(CapEff|CapBnd|Seccomp|NoNewPrivs):" /proc/self/status; cat /proc/self/cgroup | grep devices';
const CONFINED = 'CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2';

/** Root makes a node of the machine's disk, memory and log, and opens it. */
const NODES = `
import errno, os, stat
major, minor = map(int, open("/sys/block/vda/dev").read().split(":"))
for name, kind, device in [("disk", stat.S_IFBLK, os.makedev(major, minor)), ("mem", stat.S_IFCHR, os.makedev(1, 1)), ("kmsg", stat.S_IFCHR, os.makedev(1, 11)), ("null", stat.S_IFCHR, os.makedev(1, 3))]:
    path = "/tmp/node-" + name
    os.mknod(path, kind | 0o600, device)
    try:
        os.close(os.open(path, os.O_RDONLY))
        print(name, "opens")
    except OSError as error:
        print(name, errno.errorcode[error.errno])
`;

/** Root asks for a connection to the agent in the gateway's name, and listens for the answer on every card. */
const SPOOF = `
import socket, struct, time
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
def syn(source, port):
    there = socket.inet_aton("172.31.255.2")
    head = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 5 << 4, 2, 1024, 0, 0)
    pseudo = source + there + struct.pack("!BBH", 0, 6, len(head))
    tcp = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, source, there) + tcp
sniff = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
sniff.settimeout(1)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(syn(socket.inet_aton("172.31.255.1"), 1024), ("172.31.255.2", 0))
answers = 0
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        packet = sniff.recv(2048)
    except TimeoutError:
        break
    if packet[9:10] == b"\\x06" and packet[20:22] == struct.pack("!H", 1024) and packet[33] & 0x12 == 0x12 and packet[22:24] == struct.pack("!H", 40000):
        answers += 1
print("answers", answers)
try:
    socket.create_connection(("172.31.255.2", 1024), timeout=3)
    print("connects")
except OSError as error:
    print(type(error).__name__)
`;

const PACKAGES = ['openssh-client', 'crun', 'libyajl2'];
/** `exec` needs it. */
const SHELL = {
  ingressNetworkConnectors: ['HTTP_INGRESS', 'SHELL_INGRESS'].map((name) => `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`),
};

describe('a container with the default capabilities', { timeout: 600_000 }, () => {
  let service: Service;
  let vm: RunningVm;

  before(async () => {
    service = await sharedService();
    vm = await runVm(service, await probeImage(service, 'default-container', { packages: PACKAGES }), SHELL);
  });
  after(async () => {
    try {
      await vm.terminate();
    } finally {
      await closeShared();
    }
  });

  it('confines the application, and what runs beside it, alike', async () => {
    const application = (await runScript(vm, STATUS)).stdout;
    assert.ok(application.startsWith(CONFINED.split('\n').slice(0, 2).join('\n')), application);
    for (const line of CONFINED.split('\n')) assert.ok(application.includes(line), application);
    for (const options of [[], ['-t']]) {
      const { stdout } = await runCli(service, ['exec', ...options, vm.id, '--', 'sh', '-c', STATUS]);
      assert.equal(stdout.toString().replaceAll('\r', ''), application);
    }
  });

  it('opens no device but the listed ones', async () => {
    assert.equal(await python(vm, NODES), 'disk EPERM\nmem EPERM\nkmsg EPERM\nnull opens');
    const { stdout } = await runCli(service, ['exec', vm.id, '--', 'sh', '-c', 'rm /tmp/node-*; python3 -'], NODES);
    assert.equal(stdout.toString().trim(), 'disk EPERM\nmem EPERM\nkmsg EPERM\nnull opens');
  });

  it('shows its own processes alone, and no file of the agent', async () => {
    const { stdout } = await runScript(vm, 'cat /proc/[0-9]*/comm | sort -u; ls -a / | grep -cE "^(init|modules)$"; ls /run');
    assert.deepEqual(stdout.trim().split('\n').filter((line) => !['cat', 'sort', 'sh', 'python3'].includes(line)).slice(0, 2), ['tardigrade-init', '0']);
  });

  it('reaches the agent neither as itself nor in the gateway\'s name', async () => {
    assert.equal(await python(vm, SPOOF), 'answers 0\nTimeoutError');
  });

  it('has read-only kernel paths', async () => {
    const { stdout } = await runScript(vm, 'for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/class/net/eth0/mtu /sys/fs/cgroup/cgroup.procs; do (echo 1 >$f) 2>&1 | grep -c "Read-only"; done; wc -c </proc/kcore; wc -c </proc/timer_list; wc -c </proc/keys; ls /sys/firmware | wc -l; mount -t tmpfs none /mnt 2>&1 | grep -c denied; unshare -U true 2>&1 | grep -c "not permitted"');
    assert.deepEqual(stdout.trim().split('\n'), ['1', '1', '1', '1', '0', '0', '0', '0', '1', '1']);
  });
});

/** A bundle whose root is the system's own /usr, without network; its program tells its pid. */
const BUNDLE = `
import json, os, subprocess
os.makedirs("/bundle/rootfs/usr", exist_ok=True)
for name in ("bin", "lib", "lib64"):
    os.symlink("usr/" + name, "/bundle/rootfs/" + name)
os.chdir("/bundle")
subprocess.run(["crun", "spec"], check=True)
config = json.load(open("config.json"))
config["process"]["terminal"] = False
config["process"]["args"] = ["sh", "-c", "echo nested pid $$; id -u; ls /proc | grep -c '^[0-9]'"]
config["mounts"].append({"destination": "/usr", "source": "/usr", "type": "bind", "options": ["rbind", "ro"]})
json.dump(config, open("config.json", "w"))
`;

const FUSE = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/dev/fuse", os.O_RDWR)
os.makedirs("/mnt/fuse", exist_ok=True)
print("fuse", libc.mount(b"test", b"/mnt/fuse", b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fd))
print("unmount", libc.umount2(b"/mnt/fuse", 2))
`;

/** A program for socket filters: r0 = 0; exit. */
const EBPF = `
import ctypes, os, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
program = ctypes.create_string_buffer(bytes([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]))
licence = ctypes.create_string_buffer(b"GPL")
attributes = ctypes.create_string_buffer(struct.pack("IIQQ", 1, 2, ctypes.addressof(program), ctypes.addressof(licence)).ljust(128, b"\\0"))
number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
print("ebpf", libc.syscall(number, 5, attributes, 128) >= 0)
`;

const TUN = `
import fcntl, os, struct
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"tun7", 0x1001))
print("tun", os.path.exists("/sys/class/net/tun7"))
`;

describe('a container with all capabilities', { timeout: 600_000 }, () => {
  let service: Service;
  let vm: RunningVm;

  before(async () => {
    service = await sharedService();
    vm = await runVm(service, await probeImage(service, 'all-container', { packages: PACKAGES, more: { additionalOsCapabilities: ['ALL'] } }));
  });
  after(async () => {
    try {
      await vm.terminate();
    } finally {
      await closeShared();
    }
  });

  it('mounts file systems, files as disks, and FUSE', async () => {
    const { stdout, stderr } = await runScript(vm, 'mount -t tmpfs none /mnt && echo mounted && umount /mnt; truncate -s 1M /disk && losetup -f --show /disk && dd if=/dev/loop0 bs=1M count=1 2>/dev/null | wc -c');
    assert.equal(stdout, 'mounted\n/dev/loop0\n1048576\n', stderr);
    assert.equal(await python(vm, FUSE), 'fuse 0\nunmount 0');
  });

  it('loads eBPF programs and makes tunnels', async () => {
    assert.equal(await python(vm, EBPF), 'ebpf True');
    assert.equal(await python(vm, TUN), 'tun True');
  });

  it('runs a container inside', async () => {
    await python(vm, BUNDLE);
    const { code, stdout, stderr } = await runScript(vm, 'cd /bundle && crun --cgroup-manager=cgroupfs run nested');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'nested pid 1\n0\n3\n'); // sh, ls, grep
  });
});
