package main

import (
	"syscall"
	"testing"
)

// evaluate runs a filter as the kernel does; words are those of struct seccomp_data.
func evaluate(t *testing.T, program []instruction, arch, number, argument uint32) uint32 {
	t.Helper()
	accumulator := uint32(0)
	for at := 0; at < len(program); at++ {
		i := program[at]
		switch i.Code {
		case syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS:
			accumulator = map[uint32]uint32{dataNumber: number, dataArch: arch, dataArgument: argument}[i.K]
		case syscall.BPF_RET | syscall.BPF_K:
			return i.K
		case syscall.BPF_JMP | syscall.BPF_JA:
			at += int(i.K)
		case syscall.BPF_JMP | syscall.BPF_K | syscall.BPF_JEQ, syscall.BPF_JMP | syscall.BPF_K | syscall.BPF_JGE, syscall.BPF_JMP | syscall.BPF_K | syscall.BPF_JSET:
			true := map[uint16]bool{syscall.BPF_JEQ: accumulator == i.K, syscall.BPF_JGE: accumulator >= i.K, syscall.BPF_JSET: accumulator&i.K != 0}[i.Code&^(syscall.BPF_JMP|syscall.BPF_K)]
			if true {
				at += int(i.Jt)
			} else {
				at += int(i.Jf)
			}
		default:
			t.Fatalf("instruction %d: %+v", at, i)
		}
	}
	t.Fatal("the filter ends without an answer")
	return 0
}

// The search must answer every number as its table says, whatever the shape of the tree.
func TestFilterAnswersAsItsTables(t *testing.T) {
	program := systemCallFilter(callTables)
	if len(program) > filterInstructions {
		t.Fatalf("%d instructions", len(program))
	}
	for _, table := range callTables {
		want := map[uint32]uint32{}
		for _, s := range table.refused {
			for n := s.first; n <= s.last; n++ {
				want[n] = refusePermission
			}
		}
		for _, s := range table.unknown {
			for n := s.first; n <= s.last; n++ {
				want[n] = refuseUnknown
			}
		}
		for number := uint32(0); number <= table.last; number++ {
			expected, listed := want[number]
			if !listed {
				expected = retAllow
			}
			if number == table.clone3 {
				expected = refuseUnknown
			}
			if got := evaluate(t, program, table.arch, number, 0); got != expected {
				t.Errorf("arch %x call %d: %x, not %x", table.arch, number, got, expected)
			}
		}
		for _, number := range []uint32{table.last + 1, 1000, 0x40000000, 0x40000000 + table.clone, 0xffffffff} {
			if got := evaluate(t, program, table.arch, number, 0); got != refuseUnknown {
				t.Errorf("arch %x call %d: %x", table.arch, number, got)
			}
		}
	}
	if got := evaluate(t, program, 0xc00000b8, 0, 0); got != retKill {
		t.Errorf("another architecture: %x", got)
	}
}

func TestFilterLooksAtArguments(t *testing.T) {
	program := systemCallFilter(callTables)
	for _, table := range callTables {
		for _, c := range []struct{ number, argument, want uint32 }{
			{table.clone, uint32(syscall.SIGCHLD), retAllow},
			{table.clone, 0x3d0f00, retAllow}, // a thread
			{table.clone, syscall.CLONE_NEWUSER, refusePermission},
			{table.clone, syscall.CLONE_NEWNS | uint32(syscall.SIGCHLD), refusePermission},
			{table.clone, syscall.CLONE_NEWNET, refusePermission},
			{table.clone, cloneNewCgroup, refusePermission},
			{table.socket, syscall.AF_INET, retAllow}, {table.socket, syscall.AF_NETLINK, retAllow}, {table.socket, syscall.AF_PACKET, retAllow},
			{table.socket, 39, retAllow}, {table.socket, 41, retAllow},
			{table.socket, familyALG, refusePermission}, {table.socket, familyVSOCK, refusePermission},
			{table.personality, 0, retAllow}, {table.personality, 8, retAllow}, {table.personality, 0x20000, retAllow},
			{table.personality, 0x20008, retAllow}, {table.personality, 0xffffffff, retAllow},
			{table.personality, 0x40000, refusePermission}, // ADDR_NO_RANDOMIZE
		} {
			if got := evaluate(t, program, table.arch, c.number, c.argument); got != c.want {
				t.Errorf("arch %x call %d(%x): %x, not %x", table.arch, c.number, c.argument, got, c.want)
			}
		}
	}
}
