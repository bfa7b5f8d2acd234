package main

import "syscall"

const auditArch = auditArchAmd64

// Numbers the standard library's syscall package leaves out on this architecture.
const (
	sysNewfstatat     = syscall.SYS_NEWFSTATAT
	sysAccept4        = syscall.SYS_ACCEPT4
	sysPrlimit64      = syscall.SYS_PRLIMIT64
	sysSetns          = 308
	sysProcessVmReadv = 310
	sysSeccomp        = 317
	sysGetrandom      = 318
	sysMemfdCreate    = 319
	sysMembarrier     = 324
	sysCopyFileRange  = 326
	sysStatx          = 332
	sysRseq           = 334
)

// plainHere are older calls that arm64 does not have, and x86's own.
var plainHere = []uint32{
	syscall.SYS_STAT, syscall.SYS_LSTAT, syscall.SYS_ACCESS, syscall.SYS_READLINK, syscall.SYS_POLL, syscall.SYS_SELECT,
	syscall.SYS_EPOLL_WAIT, syscall.SYS_GETRLIMIT, syscall.SYS_ARCH_PRCTL, syscall.SYS_TIME,
}
