"""From the container to the guest's kernel and the agent (without ALL), and from the kernel to its host."""
import ctypes
import os
import platform
import signal
import socket
import struct
import subprocess

from attempt import Crossed, LIBC, attempt, refused, syscall

X86 = platform.machine() == 'x86_64'
# x86-64 and arm64 numbers.
NR = {name: pair[0 if X86 else 1] for name, pair in {
    'mount': (165, 40), 'unshare': (272, 97), 'setns': (308, 268), 'bpf': (321, 280), 'perf_event_open': (298, 241),
    'keyctl': (250, 219), 'add_key': (248, 217), 'userfaultfd': (323, 282), 'io_uring_setup': (425, 425), 'kexec_load': (246, 104),
    'init_module': (175, 105), 'finit_module': (313, 273), 'delete_module': (176, 106), 'open_by_handle_at': (304, 265),
    'ptrace': (101, 117), 'process_vm_readv': (310, 270), 'reboot': (169, 142), 'swapon': (167, 224), 'acct': (163, 89),
    'pivot_root': (155, 41), 'settimeofday': (164, 170), 'quotactl': (179, 60), 'syslog': (103, 116), 'clone3': (435, 435),
    'move_mount': (429, 429), 'fsopen': (430, 430), 'open_tree': (428, 428), 'kcmp': (312, 272), 'mbind': (237, 235),
}.items()}
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET = 0x10000000, 0x20000, 0x40000000


@attempt('container')
def mount_a_tmpfs(_):
    return refused(syscall, NR['mount'], b'none', b'/mnt', b'tmpfs', 0, 0)


@attempt('container')
def mount_proc_afresh(_):
    return refused(syscall, NR['mount'], b'proc', b'/mnt', b'proc', 0, 0)


@attempt('container')
def remount_sys_writable(_):
    return refused(syscall, NR['mount'], b'', b'/sys', b'', 32, 0)


@attempt('container')
def new_mount_calls(_):
    return [refused(syscall, NR['fsopen'], b'tmpfs', 0), refused(syscall, NR['open_tree'], -100, b'/', 1)]


@attempt('container')
def unshare_a_user_namespace(_):
    return refused(syscall, NR['unshare'], CLONE_NEWUSER)


@attempt('container')
def unshare_a_mount_namespace(_):
    return refused(syscall, NR['unshare'], CLONE_NEWNS)


@attempt('container')
def unshare_a_network_namespace(_):
    return refused(syscall, NR['unshare'], CLONE_NEWNET)


@attempt('container')
def load_a_bpf_program(_):
    instructions = struct.pack('<BBhiBBhi', 0xb7, 0, 0, 0, 0x95, 0, 0, 0)
    code, licence = ctypes.create_string_buffer(instructions), ctypes.create_string_buffer(b'GPL')
    attributes = ctypes.create_string_buffer(struct.pack('<IIQQ', 1, 2, ctypes.addressof(code), ctypes.addressof(licence)) + bytes(96))
    return refused(syscall, NR['bpf'], 5, attributes, 120)


@attempt('container')
def open_a_performance_counter(_):
    attributes = ctypes.create_string_buffer(struct.pack('<II', 1, 112) + bytes(104))
    return refused(syscall, NR['perf_event_open'], attributes, -1, 0, -1, 0)


@attempt('container')
def use_the_kernels_keyrings(_):
    return [refused(syscall, NR['add_key'], b'user', b'k', b'v', 1, -3), refused(syscall, NR['keyctl'], 0, -3, 1)]


@attempt('container')
def userfaultfd_and_io_uring(_):
    return [refused(syscall, NR['userfaultfd'], 0), refused(syscall, NR['io_uring_setup'], 1, ctypes.create_string_buffer(120))]


@attempt('container')
def load_a_module(_):
    return [refused(syscall, NR['init_module'], b'\x7fELF', 4, b''), refused(syscall, NR['delete_module'], b'virtio_net', 0)]


@attempt('container')
def load_another_kernel(_):
    return refused(syscall, NR['kexec_load'], 0, 0, 0, 0)


@attempt('container')
def open_a_file_by_handle(_):
    """The way out of a container known as shocker."""
    handle = ctypes.create_string_buffer(struct.pack('<IiQ', 8, 1, 2))
    return refused(syscall, NR['open_by_handle_at'], os.open('/etc', os.O_RDONLY), handle, 0)


@attempt('container')
def restart_the_machine(_):
    return refused(syscall, NR['reboot'], 0xfee1dead, 672274793, 0x1234567, 0)


@attempt('container')
def swap_accounting_and_quota(_):
    return [refused(syscall, NR['swapon'], b'/etc/passwd', 0), refused(syscall, NR['acct'], b'/tmp/acct'), refused(syscall, NR['quotactl'], 0, 0, 0, 0)]


@attempt('container')
def set_the_clock(_):
    return refused(syscall, NR['settimeofday'], ctypes.create_string_buffer(struct.pack('<qq', 1, 0)), 0)


@attempt('container')
def read_the_kernels_log(_):
    return refused(syscall, NR['syslog'], 3, ctypes.create_string_buffer(1024), 1024) if open('/proc/sys/kernel/dmesg_restrict').read().strip() == '1' else 'open to all by dmesg_restrict'


@attempt('container')
def be_called_at_a_core_dump(_):
    return refused(lambda: open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x'))


@attempt('container')
def be_called_for_hotplug(_):
    return refused(lambda: open('/sys/kernel/uevent_helper', 'w').write('/tmp/x'))


@attempt('container')
def release_agent_of_a_control_group(_):
    return refused(syscall, NR['mount'], b'cgroup', b'/mnt', b'cgroup', 0, b'rdma')


@attempt('container')
def press_magic_sysrq(_):
    return refused(lambda: open('/proc/sysrq-trigger', 'w').write('c'))


@attempt('container')
def read_kernel_memory(_):
    def read(path):
        with open(path, 'rb') as file:
            file.seek(4096)
            data = file.read(16)
            if not data:
                raise OSError(0, 'empty')
            return data
    return [refused(read, path) for path in ('/dev/mem', '/dev/kmem', '/proc/kcore')]


@attempt('container')
def write_kernel_settings(_):
    return [refused(lambda p=path: open(p, 'w').write('1')) for path in (
        '/proc/sys/net/ipv4/ip_forward', '/proc/sys/kernel/modprobe', '/proc/sys/vm/overcommit_memory', '/sys/power/state', '/sys/module/kernel/parameters/panic')]


@attempt('container')
def become_init_of_the_machine(_):
    """PID 1 here is the container's own: its root and memory must be the container's."""
    if b'/init' == open('/proc/1/cmdline', 'rb').read().split(b'\0')[0] and os.path.exists('/proc/1/root/modules/order'):
        raise Crossed('the root of the agent is open')
    return sorted(p for p in os.listdir('/proc') if p.isdigit())[:5]


@attempt('container')
def see_processes_of_the_agent(_):
    seen = [open(f'/proc/{p}/comm').read().strip() for p in os.listdir('/proc') if p.isdigit() and os.path.exists(f'/proc/{p}/comm')]
    if any(name.startswith('kthreadd') or name.startswith('kworker') for name in seen):
        raise Crossed(f'sees {seen}')
    return seen


@attempt('container')
def kill_everything_in_sight(_):
    """Signals reach the container's processes alone; a harmless signal, to what is no child of ours."""
    others = [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())]
    for pid in others:
        try:
            os.kill(pid, 0)
        except OSError:
            pass
    return f'{len(others)} processes'


@attempt('container')
def raise_capabilities(_):
    text = open('/proc/self/status').read()
    effective = int([line for line in text.splitlines() if line.startswith('CapEff')][0].split()[1], 16)
    for capability, name in ((21, 'CAP_SYS_ADMIN'), (16, 'CAP_SYS_MODULE'), (17, 'CAP_SYS_RAWIO'), (19, 'CAP_SYS_PTRACE'), (12, 'CAP_NET_ADMIN'), (39, 'CAP_BPF')):
        if effective >> capability & 1:
            raise Crossed(f'has {name}')
    header = ctypes.create_string_buffer(struct.pack('<Ii', 0x20080522, 0))
    wanted = ctypes.create_string_buffer(struct.pack('<IIIIII', 0xffffffff, 0xffffffff, 0, 0xffffffff, 0xffffffff, 0))
    return refused(syscall, 126 if X86 else 91, header, wanted)


@attempt('container')
def be_raised_by_a_setuid_program(_):
    """Root already; a bounding set that came back with exec would show here."""
    out = subprocess.run(['sh', '-c', 'grep CapBnd /proc/self/status'], capture_output=True, text=True).stdout
    if int(out.split()[1], 16) >> 21 & 1:
        raise Crossed(out)
    return out.strip()


@attempt('container')
def raise_the_hard_limit_of_priority(_):
    return refused(os.nice, -5)


@attempt('container')
def trace_another_program(_):
    """Its own children it may; the container's init it may not make do things with more rights than its own."""
    target = 1
    try:
        syscall(NR['ptrace'], 16, target, 0, 0)
    except OSError as error:
        return str(error)
    os.waitpid(target, 0x40000000)
    rights = open(f'/proc/{target}/status').read()
    syscall(NR['ptrace'], 17, target, 0, 0)
    if int([line for line in rights.splitlines() if line.startswith('CapEff')][0].split()[1], 16) >> 21 & 1:
        raise Crossed('the init of the container has CAP_SYS_ADMIN and can be traced')
    return 'init of the container, with no more rights'


@attempt('vm')
def ports_of_the_board(_):
    """I/O ports of QEMU's debug exit, fw_cfg and others, if they let us: the VMM answers, nothing else happens."""
    if not X86:
        return 'no ports'
    try:
        syscall(172, 3)  # iopl
    except OSError as error:
        return str(error)
    with open('/dev/port', 'r+b', buffering=0) as port:
        for address in (0x510, 0x511, 0x402, 0x501, 0xf4, 0xcf8, 0xcfc, 0x70, 0x71, 0x92):
            try:
                port.seek(address)
                port.read(1)
            except OSError:
                pass
    return 'read'


@attempt('vm')
def vsock_to_the_host(_):
    def connect():
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
            s.settimeout(2)
            s.connect((2, 1024))
            return 'connected'
    return refused(connect)


@attempt('vm', last=True)
def crash_the_machine(_):
    """With ALL it may; what must not follow is anything outside."""
    try:
        open('/proc/sysrq-trigger', 'w').write('c')
    except OSError as error:
        return str(error)
    return 'crashed'


@attempt('container')
def take_a_signal_of_the_kernel(_):
    """Realtime scheduling would starve the agent."""
    return refused(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))) if LIBC else signal.SIGTERM
