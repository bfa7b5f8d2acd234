package main

import (
	"fmt"
	"runtime"
	"sort"
	"sync"
	"syscall"
	"unsafe"
)

// The filter of system calls every process of a container has that does not have all capabilities. What it refuses
// is what Docker's default profile refuses with the default capabilities: EPERM, and ENOSYS for clone3, whose
// flags a filter cannot see, and for calls newer than the tables, so that programs fall back on older ones.
// Unknown: guest-seccomp

// span is a range of call numbers, both ends included.
type span struct{ first, last uint32 }

// callTable is what one calling convention refuses, in ascending order.
type callTable struct {
	arch uint32 // AUDIT_ARCH_… of <linux/audit.h>
	last uint32 // the highest number known
	// Allowed for some arguments only.
	clone, clone3, socket, personality uint32
	refused                            []span
	unknown                            []span // numbers without a call
}

// Actions of a filter, of <linux/seccomp.h>.
const (
	retKill  uint32 = 0x80000000 // the process
	retErrno uint32 = 0x00050000
	retAllow uint32 = 0x7fff0000

	refusePermission = retErrno | uint32(syscall.EPERM)
	refuseUnknown    = retErrno | uint32(syscall.ENOSYS)
)

// Offsets in struct seccomp_data, little endian: the low word of the first argument.
const (
	dataNumber   = 0
	dataArch     = 4
	dataArgument = 16
)

// namespaceFlags are the flags of clone(2) that make namespaces: mount, cgroup, UTS, IPC, user, PID, network.
const namespaceFlags = 0x7e020000

// Families a container gets no socket of: the kernel's ciphers, and the channel to the hypervisor.
const (
	familyALG   = 38
	familyVSOCK = 40
)

// personalities that change no security property: Linux, 32-bit addresses and names, and the query.
var personalities = []uint32{0x0, 0x8, 0x20000, 0x20008, 0xffffffff}

type instruction = syscall.SockFilter

func load(offset uint32) instruction {
	return instruction{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, K: offset}
}

func answer(action uint32) instruction {
	return instruction{Code: syscall.BPF_RET | syscall.BPF_K, K: action}
}

func jump(test uint16, value uint32, yes, no uint8) instruction {
	return instruction{Code: syscall.BPF_JMP | syscall.BPF_K | test, Jt: yes, Jf: no, K: value}
}

// systemCallFilter is the program: by calling convention, then a search for the number.
func systemCallFilter(tables []callTable) []instruction {
	program := []instruction{load(dataArch)}
	for _, table := range tables {
		body := append([]instruction{load(dataNumber)}, search(table.parts())...)
		program = append(program, jump(syscall.BPF_JEQ, table.arch, 1, 0), instruction{Code: syscall.BPF_JMP | syscall.BPF_JA, K: uint32(len(body))})
		program = append(program, body...)
	}
	return append(program, answer(retKill))
}

// part is what is done with the numbers from first on, up to the next part.
type part struct {
	first uint32
	code  []instruction
}

func (table *callTable) parts() []part {
	special := map[uint32][]instruction{
		table.clone3: {answer(refuseUnknown)},
		table.clone: {
			load(dataArgument), jump(syscall.BPF_JSET, namespaceFlags, 0, 1), answer(refusePermission), answer(retAllow),
		},
		table.socket: {
			load(dataArgument), jump(syscall.BPF_JEQ, familyALG, 1, 0), jump(syscall.BPF_JEQ, familyVSOCK, 0, 1),
			answer(refusePermission), answer(retAllow),
		},
		table.personality: onlyArguments(personalities),
	}
	var spans []span
	actions := map[span][]instruction{}
	add := func(s span, code []instruction) {
		spans = append(spans, s)
		actions[s] = code
	}
	for number, code := range special {
		add(span{number, number}, code)
	}
	for _, s := range table.refused {
		add(s, []instruction{answer(refusePermission)})
	}
	for _, s := range table.unknown {
		add(s, []instruction{answer(refuseUnknown)})
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].first < spans[j].first })
	var parts []part
	next := uint32(0)
	for _, s := range spans {
		if s.first > next {
			parts = append(parts, part{next, []instruction{answer(retAllow)}})
		}
		parts = append(parts, part{s.first, actions[s]})
		next = s.last + 1
	}
	if next <= table.last {
		parts = append(parts, part{next, []instruction{answer(retAllow)}})
	}
	return append(parts, part{table.last + 1, []instruction{answer(refuseUnknown)}})
}

func onlyArguments(values []uint32) []instruction {
	code := []instruction{load(dataArgument)}
	for i, value := range values {
		code = append(code, jump(syscall.BPF_JEQ, value, uint8(len(values)-i), 0))
	}
	return append(code, answer(refusePermission), answer(retAllow))
}

// search is a binary search for the number in the accumulator.
func search(parts []part) []instruction {
	if len(parts) == 1 {
		return parts[0].code
	}
	middle := len(parts) / 2
	below, above := search(parts[:middle]), search(parts[middle:])
	if len(below) <= 255 {
		return append(append([]instruction{jump(syscall.BPF_JGE, parts[middle].first, uint8(len(below)), 0)}, below...), above...)
	}
	far := instruction{Code: syscall.BPF_JMP | syscall.BPF_JA, K: uint32(len(below))}
	return append(append([]instruction{jump(syscall.BPF_JGE, parts[middle].first, 0, 1), far}, below...), above...)
}

const (
	setModeFilter      = 1 // SECCOMP_SET_MODE_FILTER
	onAllThreads       = 1 // SECCOMP_FILTER_FLAG_TSYNC
	onThisThread       = 0
	filterInstructions = 4096 // BPF_MAXINSNS
)

var (
	containerFilter []instruction
	makeFilter      sync.Once // not at start-up: most starts of this binary need none
)

// filterSystemCalls needs CAP_SYS_ADMIN, since it does not set no_new_privs, as Docker does not: set-user-id programs
// keep working. Children inherit the filter, and nothing takes it off.
func filterSystemCalls(threads uintptr) error {
	makeFilter.Do(func() { containerFilter = systemCallFilter(callTables) })
	if len(containerFilter) > filterInstructions {
		return fmt.Errorf("the system call filter has %d instructions, more than %d", len(containerFilter), filterInstructions)
	}
	program := syscall.SockFprog{Len: uint16(len(containerFilter)), Filter: &containerFilter[0]}
	result, _, errno := syscall.RawSyscall(sysSeccomp, setModeFilter, threads, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(&program)
	if errno != 0 {
		return fmt.Errorf("cannot install the system call filter: %w", errno)
	}
	if result != 0 {
		return fmt.Errorf("cannot install the system call filter: thread %d has another one", result)
	}
	return nil
}
