package main

import (
	"syscall"
	"testing"
)

// data is struct seccomp_data.
type data struct {
	nr, arch uint32
	args     [6]uint64
}

// run interprets the program as the kernel does.
func run(t *testing.T, program []instruction, d data) uint32 {
	t.Helper()
	word := func(offset uint32) uint32 {
		switch {
		case offset == offNr:
			return d.nr
		case offset == offArch:
			return d.arch
		case offset >= offArgs && offset < offArgs+48 && offset%4 == 0:
			return uint32(d.args[(offset-offArgs)/8] >> (8 * (offset % 8)))
		}
		t.Fatalf("load of offset %d", offset)
		return 0
	}
	var a uint32
	for pc := 0; ; pc++ {
		i := program[pc] // a jump out of the program panics
		jump := func(taken bool) {
			if taken {
				pc += int(i.jt)
			} else {
				pc += int(i.jf)
			}
		}
		switch i.code {
		case bpfLoad:
			a = word(i.k)
		case bpfAnd:
			a &= i.k
		case bpfJeq:
			jump(a == i.k)
		case bpfJge:
			jump(a >= i.k)
		case bpfRet:
			return i.k
		default:
			t.Fatalf("instruction %#x", i.code)
		}
	}
}

func verdict(t *testing.T, kvm bool, nr uint32, args ...uint64) uint32 {
	d := data{nr: nr, arch: auditArch}
	copy(d.args[:], args)
	return run(t, seccompFilter(kvm), d)
}

func TestForeignCallingConventionsKill(t *testing.T) {
	for _, arch := range []uint32{0x40000003 /* i386 */, 0x40000028 /* arm */, 0} {
		if got := run(t, seccompFilter(false), data{nr: syscall.SYS_READ, arch: arch}); got != retKill {
			t.Errorf("architecture %#x: %#x", arch, got)
		}
	}
	for _, nr := range []uint32{0x40000000, 0x40000000 | syscall.SYS_READ, 0xffffffff} {
		if got := verdict(t, false, nr); got != retKill {
			t.Errorf("call %#x: %#x", nr, got)
		}
	}
}

func TestEveryNumberHasItsVerdict(t *testing.T) {
	ruled := map[uint32]rule{}
	for _, r := range rules(false) {
		if _, twice := ruled[r.nr]; twice {
			t.Errorf("call %d has two rules: the second never holds", r.nr)
		}
		ruled[r.nr] = r
	}
	for nr := uint32(0); nr < 1024; nr++ {
		want := refuse(syscall.EPERM)
		if r, known := ruled[nr]; known {
			want = r.action
			if len(r.anyOf) > 0 {
				continue // below
			}
		}
		if got := verdict(t, false, nr, 1, 2, 3, 4, 5, 6); got != want {
			t.Errorf("call %d: %#x, not %#x", nr, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	eperm := refuse(syscall.EPERM)
	const high = 1 << 32
	for _, c := range []struct {
		what string
		kvm  bool
		nr   uint32
		args []uint64
		want uint32
	}{
		{"open the RAM", false, syscall.SYS_OPENAT, []uint64{0, 0, syscall.O_RDWR}, retAsk},
		{"open a disk", false, syscall.SYS_OPENAT, []uint64{0, 0, syscall.O_RDWR | syscall.O_CLOEXEC}, retAllow},
		{"become another program", false, syscall.SYS_EXECVE, nil, retAsk},
		{"thread", false, syscall.SYS_CLONE, []uint64{0x3d0f00}, retAllow},
		{"thread, upper half set", false, syscall.SYS_CLONE, []uint64{high | 0x3d0f00}, retAllow},
		{"process", false, syscall.SYS_CLONE, []uint64{uint64(syscall.SIGCHLD)}, eperm},
		{"vfork", false, syscall.SYS_CLONE, []uint64{syscall.CLONE_VM | syscall.CLONE_VFORK | uint64(syscall.SIGCHLD)}, eperm},
		{"thread in a new user namespace", false, syscall.SYS_CLONE, []uint64{0x3d0f00 | syscall.CLONE_NEWUSER}, eperm},
		{"thread, traced", false, syscall.SYS_CLONE, []uint64{0x3d0f00 | syscall.CLONE_PTRACE}, eperm},
		{"non-blocking", false, syscall.SYS_IOCTL, []uint64{0, 0x5421}, retAllow},
		{"attach to a tap", false, syscall.SYS_IOCTL, []uint64{0, tunSetIff}, eperm},
		{"type into a terminal", false, syscall.SYS_IOCTL, []uint64{0, syscall.TIOCSTI}, eperm},
		{"KVM under emulation", false, syscall.SYS_IOCTL, []uint64{0, 0xae80}, eperm},
		{"KVM_RUN", true, syscall.SYS_IOCTL, []uint64{0, 0xae80}, retAllow},
		{"KVM_SET_USER_MEMORY_REGION", true, syscall.SYS_IOCTL, []uint64{0, 0x4020ae46}, retAllow},
		{"not KVM", true, syscall.SYS_IOCTL, []uint64{0, 0xaf80}, eperm},
		{"duplicate", false, syscall.SYS_FCNTL, []uint64{0, syscall.F_DUPFD_CLOEXEC}, retAllow},
		{"lock", false, syscall.SYS_FCNTL, []uint64{0, syscall.F_SETLK}, eperm},
		{"signal on input", false, syscall.SYS_FCNTL, []uint64{0, syscall.F_SETOWN}, eperm},
		{"read a limit", false, sysPrlimit64, []uint64{0, 7, 0, 1}, retAllow},
		{"set a limit", false, sysPrlimit64, []uint64{0, 7, 0x1000, 0}, eperm},
		{"set a limit, pointer with an empty lower half", false, sysPrlimit64, []uint64{0, 7, high, 0}, eperm},
		{"signal a thread of its own", false, syscall.SYS_TGKILL, []uint64{1, 7, 10}, retAllow},
		{"signal another", false, syscall.SYS_TGKILL, []uint64{7, 7, 9}, eperm},
		{"name a thread", false, syscall.SYS_PRCTL, []uint64{15}, retAllow},
		{"be dumpable", false, syscall.SYS_PRCTL, []uint64{4, 1}, eperm},
		{"outlive the keeper", false, syscall.SYS_PRCTL, []uint64{1, 0}, eperm},
		{"filter more", false, sysSeccomp, []uint64{1, 1 | 16}, retAllow},
		{"filter with a listener", false, sysSeccomp, []uint64{1, filterNewListener}, eperm},
	} {
		if got := verdict(t, c.kvm, c.nr, c.args...); got != c.want {
			t.Errorf("%s: %#x, not %#x", c.what, got, c.want)
		}
	}
}

func TestProgramFitsTheKernel(t *testing.T) {
	if length := len(seccompFilter(true)); length > 4096 {
		t.Errorf("%d instructions, the kernel takes 4096", length)
	}
}
