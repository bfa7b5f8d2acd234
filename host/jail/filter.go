package main

import "syscall"

// The calls QEMU makes: seen under strace while it boots, launches, suspends, resumes, folds layers and ends, and from
// its sources what KVM needs. All others are refused with EPERM, which does as little as killing would and does not end a
// guest when a new version of a library tries something new.

const (
	auditArchAmd64 = 0xc000003e
	auditArchArm64 = 0xc00000b7
)

// plain are allowed whatever their arguments.
var plain = []uint32{
	// Files and descriptors; the mounts say which, the descriptors where to.
	syscall.SYS_READ, syscall.SYS_WRITE, syscall.SYS_READV, syscall.SYS_WRITEV, syscall.SYS_PREAD64, syscall.SYS_PWRITE64,
	syscall.SYS_PREADV, syscall.SYS_PWRITEV, syscall.SYS_LSEEK, syscall.SYS_CLOSE, syscall.SYS_DUP, syscall.SYS_FSTAT,
	sysNewfstatat, sysStatx, syscall.SYS_STATFS, syscall.SYS_FSTATFS, syscall.SYS_FACCESSAT, syscall.SYS_READLINKAT,
	syscall.SYS_GETDENTS64, syscall.SYS_GETCWD, syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FTRUNCATE, syscall.SYS_FALLOCATE,
	syscall.SYS_FADVISE64,
	// Memory.
	syscall.SYS_MMAP, syscall.SYS_MUNMAP, syscall.SYS_MPROTECT, syscall.SYS_MREMAP, syscall.SYS_MADVISE, syscall.SYS_BRK,
	// Threads and their signals.
	syscall.SYS_FUTEX, syscall.SYS_SET_ROBUST_LIST, sysRseq, syscall.SYS_SET_TID_ADDRESS, sysMembarrier, syscall.SYS_SCHED_YIELD,
	syscall.SYS_SCHED_GETAFFINITY, syscall.SYS_RT_SIGACTION, syscall.SYS_RT_SIGPROCMASK, syscall.SYS_RT_SIGRETURN,
	syscall.SYS_RT_SIGTIMEDWAIT, syscall.SYS_RT_SIGPENDING, syscall.SYS_SIGALTSTACK, syscall.SYS_RESTART_SYSCALL,
	syscall.SYS_EXIT, syscall.SYS_EXIT_GROUP,
	// Waiting and time.
	syscall.SYS_PPOLL, syscall.SYS_PSELECT6, syscall.SYS_EPOLL_CREATE1, syscall.SYS_EPOLL_CTL, syscall.SYS_EPOLL_PWAIT,
	syscall.SYS_EVENTFD2, syscall.SYS_SIGNALFD4, syscall.SYS_NANOSLEEP, syscall.SYS_CLOCK_NANOSLEEP, syscall.SYS_CLOCK_GETTIME,
	syscall.SYS_CLOCK_GETRES, syscall.SYS_GETTIMEOFDAY, syscall.SYS_TIMERFD_CREATE, syscall.SYS_TIMERFD_SETTIME,
	// The control socket; no call makes another one.
	syscall.SYS_LISTEN, sysAccept4, syscall.SYS_GETSOCKNAME, syscall.SYS_GETPEERNAME, syscall.SYS_GETSOCKOPT,
	syscall.SYS_SENDMSG, syscall.SYS_RECVMSG, syscall.SYS_SENDTO, syscall.SYS_RECVFROM, syscall.SYS_SHUTDOWN,
	// About itself.
	syscall.SYS_GETPID, syscall.SYS_GETPPID, syscall.SYS_GETTID, syscall.SYS_GETUID, syscall.SYS_GETEUID, syscall.SYS_GETGID, syscall.SYS_GETEGID,
	syscall.SYS_UNAME, syscall.SYS_SYSINFO, syscall.SYS_GETRUSAGE, sysGetrandom,
}

// absent are answered as by a kernel that does not have them, for callers that then take the older way.
var absent = []uint32{sysClone3, sysOpenat2, sysFaccessat2, sysCloseRange, sysIoUringSetup, sysCopyFileRange, sysMemfdCreate}

// A thread shares memory and signal handlers with its process, and nothing of it is new: no process, no namespace.
var newThread = condition{
	argument: 0,
	value:    syscall.CLONE_VM | syscall.CLONE_SIGHAND | syscall.CLONE_THREAD,
	mask: ^uint32(syscall.CLONE_FS | syscall.CLONE_FILES | syscall.CLONE_SYSVSEM | syscall.CLONE_SETTLS |
		syscall.CLONE_PARENT_SETTID | syscall.CLONE_CHILD_CLEARTID | syscall.CLONE_CHILD_SETTID),
}

// Ioctls of the descriptors handed over: non-blocking mode; sizes of disks; the tap's offloads.
var ioctls = []uint32{
	0x5421,     // FIONBIO
	0x5401,     // TCGETS: is it a terminal?
	0x800454d2, // TUNGETIFF
	0x800454cf, // TUNGETFEATURES
	0x400454d0, // TUNSETOFFLOAD
	0x400454d4, // TUNSETSNDBUF
	0x400454d8, // TUNSETVNETHDRSZ
	0x800454d7, // TUNGETVNETHDRSZ
	0x400454dc, // TUNSETVNETLE
	0x400454de, // TUNSETVNETBE
}

// kvmIoctls are all of _IOC_TYPE 0xAE.
var kvmIoctls = condition{argument: 1, mask: 0xff00, value: 0xae00}

func oneOf(argument int, values ...uint32) []condition {
	conditions := make([]condition, len(values))
	for i, value := range values {
		conditions[i] = condition{argument: argument, value: value}
	}
	return conditions
}

// seccompFilter is the program for this architecture.
func seccompFilter(kvm bool) []instruction {
	return assemble(auditArch, rules(kvm), refuse(syscall.EPERM))
}

func rules(kvm bool) []rule {
	eperm, enosys := refuse(syscall.EPERM), refuse(syscall.ENOSYS)
	controls := oneOf(1, ioctls...)
	if kvm {
		controls = append(controls, kvmIoctls)
	}
	// Those with conditions first: the plain ones are remembered by the kernel and cost nothing.
	all := []rule{
		// To the keeper, at the start; see admit.go. Only the RAM is opened without O_CLOEXEC.
		{nr: syscall.SYS_EXECVE, action: retAsk},
		{nr: syscall.SYS_OPENAT, anyOf: oneOf(2, syscall.O_RDWR), action: retAsk, otherwise: retAllow},
		{nr: syscall.SYS_CLONE, anyOf: []condition{newThread}, action: retAllow, otherwise: eperm},
		{nr: syscall.SYS_IOCTL, anyOf: controls, action: retAllow, otherwise: eperm},
		// F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no owners, leases, notifications or pipe sizes.
		{nr: syscall.SYS_FCNTL, anyOf: oneOf(1, 0, 1, 2, 3, 4, 1030), action: retAllow, otherwise: eperm},
		// PR_SET_NAME, PR_SET_TIMERSLACK, PR_MCE_KILL, PR_SET_NO_NEW_PRIVS.
		{nr: syscall.SYS_PRCTL, anyOf: oneOf(0, 15, 29, 33, 38), action: retAllow, otherwise: eperm},
		// To read limits, not to set them.
		{nr: sysPrlimit64, anyOf: []condition{{argument: 2, wide: true}}, action: retAllow, otherwise: eperm},
		// Its own threads: in its pid namespace it is process 1, and alone.
		{nr: syscall.SYS_TGKILL, anyOf: oneOf(0, 1), action: retAllow, otherwise: eperm},
		// QEMU's own filter on top of ours, which can only take away. No listener: flags other than TSYNC, LOG, TSYNC_ESRCH.
		{nr: sysSeccomp, anyOf: []condition{{argument: 1, mask: ^uint32(1 | 2 | 16), value: 0}}, action: retAllow, otherwise: eperm},
	}
	for _, nr := range absent {
		all = append(all, rule{nr: nr, action: enosys})
	}
	for _, nr := range append(plain, plainHere...) {
		all = append(all, rule{nr: nr, action: retAllow})
	}
	return all
}
