package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

// A filter of seccomp(2) is a program of classic BPF over struct seccomp_data: nr, arch, instruction pointer, arguments.

type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

const (
	bpfLoad  = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfJeq   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfJge   = 0x35
	bpfAnd   = 0x54 // BPF_ALU | BPF_AND | BPF_K
	bpfRet   = 0x06
	offNr    = 0
	offArch  = 4
	offArgs  = 16
	retAllow = 0x7fff0000
	retErrno = 0x00050000
	retAsk   = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
	retKill  = 0x80000000 // the process
)

func refuse(errno syscall.Errno) uint32 { return retErrno | uint32(errno) }

// condition of a rule: (argument & mask) == value, of the lower 32 bits; of all 64 when `wide`, and mask is unset.
type condition struct {
	argument int
	mask     uint32 // 0: all bits
	value    uint32
	wide     bool
}

// rule says what becomes of one system call: `action` if one of the conditions holds, or there is none; else `otherwise`.
type rule struct {
	nr        uint32
	anyOf     []condition
	action    uint32
	otherwise uint32
}

// assemble makes the program: kill in a foreign calling convention, then the rules, then `rest`.
func assemble(arch uint32, rules []rule, rest uint32) []instruction {
	program := []instruction{
		{bpfLoad, 0, 0, offArch},
		{bpfJeq, 1, 0, arch},
		{bpfRet, 0, 0, retKill},
		{bpfLoad, 0, 0, offNr},
		// x32 on amd64: numbers from 2^30 on.
		{bpfJge, 0, 1, 0x40000000},
		{bpfRet, 0, 0, retKill},
	}
	for _, r := range rules {
		block := r.block()
		program = append(program, instruction{bpfJeq, 0, uint8(len(block)), r.nr})
		program = append(program, block...)
	}
	return append(program, instruction{bpfRet, 0, 0, rest})
}

// block is run with nr in the accumulator, and always returns.
func (r rule) block() []instruction {
	var block []instruction
	for _, c := range r.anyOf {
		lower := uint32(offArgs + 8*c.argument) // both architectures are little-endian
		if c.wide {
			block = append(block, instruction{bpfLoad, 0, 0, lower + 4}, instruction{bpfJeq, 0, 3, 0})
		}
		block = append(block, instruction{bpfLoad, 0, 0, lower})
		if c.mask != 0 {
			block = append(block, instruction{bpfAnd, 0, 0, c.mask})
		}
		block = append(block, instruction{bpfJeq, 0, 1, c.value}, instruction{bpfRet, 0, 0, r.action})
	}
	last := r.action
	if len(r.anyOf) > 0 {
		last = r.otherwise
	}
	block = append(block, instruction{bpfRet, 0, 0, last})
	if len(block) > 255 {
		panic(fmt.Sprintf("rule of call %d: %d instructions do not fit a jump", r.nr, len(block)))
	}
	return block
}

const (
	seccompSetModeFilter = 1
	filterNewListener    = 8
)

// installFilter holds this thread and all it becomes and makes; answers the listener for what it asks about.
func installFilter(program []instruction) (int, error) {
	description := struct {
		length uint16
		filter *instruction
	}{uint16(len(program)), &program[0]}
	listener, _, errno := syscall.RawSyscall(sysSeccomp, seccompSetModeFilter, filterNewListener, uintptr(unsafe.Pointer(&description)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp filter: %w; Linux 5.11 or newer is needed", errno)
	}
	return int(listener), nil
}
