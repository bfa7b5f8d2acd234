package main

import (
	"syscall"
	"unsafe"
)

// tryCalls makes, with arguments that would work for root, what a VMM has no business to do.
func tryCalls() {
	self := uintptr(1)
	var iov [2]uintptr
	vector := uintptr(unsafe.Pointer(&iov))
	for _, attempt := range []struct {
		name   string
		number uintptr
		args   []uintptr
	}{
		{"ptrace", syscall.SYS_PTRACE, []uintptr{16, 2, 0, 0}},
		{"process_vm_readv", sysProcessVmReadv, []uintptr{2, vector, 1, vector, 1, 0}},
		{"process_vm_writev", sysProcessVmReadv + 1, []uintptr{2, vector, 1, vector, 1, 0}},
		{"kill", syscall.SYS_KILL, []uintptr{2, 9}},
		{"kill all", syscall.SYS_KILL, []uintptr{^uintptr(0), 9}},
		{"tgkill of another", syscall.SYS_TGKILL, []uintptr{2, 2, 9}},
		{"tgkill of itself, signal 0", syscall.SYS_TGKILL, []uintptr{self, self, 0}},
		{"pidfd_open", 434, []uintptr{self, 0}},
		{"mount", syscall.SYS_MOUNT, []uintptr{text("tmpfs"), text("/vmm"), text("tmpfs"), 0, 0}},
		{"umount", syscall.SYS_UMOUNT2, []uintptr{text("/vmm"), 2}},
		{"pivot_root", syscall.SYS_PIVOT_ROOT, []uintptr{text("/vmm"), text("/vmm")}},
		{"chroot", syscall.SYS_CHROOT, []uintptr{text("/vmm")}},
		{"open_tree", 428, []uintptr{cwd, text("/"), 1}},
		{"fsopen", 430, []uintptr{text("tmpfs"), 0}},
		{"unshare user", syscall.SYS_UNSHARE, []uintptr{0x10000000}},
		{"unshare mounts", syscall.SYS_UNSHARE, []uintptr{0x20000}},
		{"setns", sysSetns, []uintptr{5, 0}},
		{"clone: process", syscall.SYS_CLONE, []uintptr{uintptr(syscall.SIGCHLD), 0, 0, 0, 0}},
		{"clone: user namespace", syscall.SYS_CLONE, []uintptr{0x10000000 | uintptr(syscall.SIGCHLD), 0, 0, 0, 0}},
		{"clone: thread in a new mount namespace", syscall.SYS_CLONE, []uintptr{0x3d0f00 | 0x20000, 0, 0, 0, 0}},
		{"clone3", 435, []uintptr{vector, 64}},
		{"execve", syscall.SYS_EXECVE, []uintptr{text("/vmm/bin/probe"), 0, 0}},
		{"execveat", sysExecveat, []uintptr{cwd, text("/vmm/bin/probe"), 0, 0, 0}},
		{"setuid", syscall.SYS_SETUID, []uintptr{0}},
		{"setresuid", syscall.SYS_SETRESUID, []uintptr{0, 0, 0}},
		{"setgroups", syscall.SYS_SETGROUPS, []uintptr{0, 0}},
		{"capset", syscall.SYS_CAPSET, []uintptr{vector, vector}},
		{"prctl: keep capabilities", syscall.SYS_PRCTL, []uintptr{8, 1}},
		{"prctl: dumpable", syscall.SYS_PRCTL, []uintptr{4, 1}},
		{"prctl: death signal", syscall.SYS_PRCTL, []uintptr{1, 0}},
		{"prctl: name", syscall.SYS_PRCTL, []uintptr{15, text("probe")}},
		{"prlimit: raise", sysPrlimit64, []uintptr{0, 7, vector, 0}},
		{"prlimit: of another", sysPrlimit64, []uintptr{2, 7, 0, vector}},
		{"socket: IPv4", syscall.SYS_SOCKET, []uintptr{syscall.AF_INET, syscall.SOCK_STREAM, 0}},
		{"socket: IPv6", syscall.SYS_SOCKET, []uintptr{syscall.AF_INET6, syscall.SOCK_DGRAM, 0}},
		{"socket: netlink", syscall.SYS_SOCKET, []uintptr{syscall.AF_NETLINK, syscall.SOCK_RAW, 0}},
		{"socket: packet", syscall.SYS_SOCKET, []uintptr{syscall.AF_PACKET, syscall.SOCK_RAW, 0}},
		{"socket: Unix", syscall.SYS_SOCKET, []uintptr{syscall.AF_UNIX, syscall.SOCK_STREAM, 0}},
		{"socket: vsock", syscall.SYS_SOCKET, []uintptr{40, syscall.SOCK_STREAM, 0}},
		{"socketpair", syscall.SYS_SOCKETPAIR, []uintptr{syscall.AF_UNIX, syscall.SOCK_STREAM, 0, vector}},
		{"connect", syscall.SYS_CONNECT, []uintptr{controlFd, vector, 16}},
		{"bind", syscall.SYS_BIND, []uintptr{controlFd, vector, 16}},
		{"setsockopt", syscall.SYS_SETSOCKOPT, []uintptr{controlFd, 1, 26, vector, 16}},
		{"bpf", sysBpf, []uintptr{0, vector, 16}},
		{"perf_event_open", sysPerfEventOpen, []uintptr{vector, 0, 0, 0, 0}},
		{"keyctl", sysKeyctl, []uintptr{0, 0}},
		{"add_key", sysAddKey, []uintptr{text("user"), text("k"), vector, 1, 0}},
		{"io_uring_setup", 425, []uintptr{1, vector}},
		{"userfaultfd", sysUserfaultfd, []uintptr{0}},
		{"memfd_create", sysMemfdCreate, []uintptr{text("m"), 0}},
		{"kexec_load", sysKexecLoad, []uintptr{0, 0, 0, 0}},
		{"init_module", sysInitModule, []uintptr{vector, 0, text("")}},
		{"finit_module", sysFinitModule, []uintptr{0, text(""), 0}},
		{"open_by_handle_at", sysOpenByHandleAt, []uintptr{3, vector, 0}},
		{"mknodat", syscall.SYS_MKNODAT, []uintptr{cwd, text("/null"), syscall.S_IFCHR | 0o666, 1<<8 | 3}},
		{"mkdirat", syscall.SYS_MKDIRAT, []uintptr{cwd, text("/d"), 0o700}},
		{"unlinkat", syscall.SYS_UNLINKAT, []uintptr{cwd, text("/lib"), 0}},
		{"renameat", syscall.SYS_RENAMEAT, []uintptr{cwd, text("/lib"), cwd, text("/x")}},
		{"linkat", syscall.SYS_LINKAT, []uintptr{cwd, text("/lib"), cwd, text("/x"), 0}},
		{"symlinkat", syscall.SYS_SYMLINKAT, []uintptr{text("/"), cwd, text("/x")}},
		{"fchmod", syscall.SYS_FCHMOD, []uintptr{1, 0o777}},
		{"fchown", syscall.SYS_FCHOWN, []uintptr{1, 0, 0}},
		{"inotify_init1", syscall.SYS_INOTIFY_INIT1, []uintptr{0}},
		{"sethostname", syscall.SYS_SETHOSTNAME, []uintptr{text("x"), 1}},
		{"settimeofday", syscall.SYS_SETTIMEOFDAY, []uintptr{vector, 0}},
		{"reboot", syscall.SYS_REBOOT, []uintptr{0, 0, 0, 0}},
		{"swapon", syscall.SYS_SWAPON, []uintptr{text("/x"), 0}},
		{"syslog", syscall.SYS_SYSLOG, []uintptr{3, vector, 16}},
		{"shmget", syscall.SYS_SHMGET, []uintptr{0, 4096, 0o1600}},
		{"msgget", syscall.SYS_MSGGET, []uintptr{0, 0o1600}},
		{"mq_open", syscall.SYS_MQ_OPEN, []uintptr{text("/q"), 0o102, 0o600, 0}},
		{"sched_setscheduler", syscall.SYS_SCHED_SETSCHEDULER, []uintptr{0, 1, vector}},
		{"setpriority", syscall.SYS_SETPRIORITY, []uintptr{0, 0, ^uintptr(19)}},
		{"mlock", syscall.SYS_MLOCK, []uintptr{vector, 16}},
		{"personality", syscall.SYS_PERSONALITY, []uintptr{0x0040000}},
		{"seccomp: a listener of its own", sysSeccomp, []uintptr{1, 8, vector}},
		{"fcntl: lock", syscall.SYS_FCNTL, []uintptr{1, 37, vector}},
		{"fcntl: owner", syscall.SYS_FCNTL, []uintptr{controlFd, 8, 1}},
		{"ioctl: TIOCSTI", syscall.SYS_IOCTL, []uintptr{0, 0x5412, vector}},
		{"ioctl: TUNSETIFF", syscall.SYS_IOCTL, []uintptr{5, 0x400454ca, vector}},
		{"ioctl: SIOCGIFCONF", syscall.SYS_IOCTL, []uintptr{controlFd, 0x8912, vector}},
		{"ioctl: KVM", syscall.SYS_IOCTL, []uintptr{0, 0xae00, 0}},
	} {
		try(attempt.name, attempt.number, attempt.args...)
	}
}
