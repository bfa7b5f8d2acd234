package main

import "syscall"

const auditArch = auditArchArm64

// Numbers the standard library's syscall package leaves out on this architecture.
const (
	sysNewfstatat     = syscall.SYS_FSTATAT
	sysAccept4        = syscall.SYS_ACCEPT4
	sysPrlimit64      = syscall.SYS_PRLIMIT64
	sysSetns          = syscall.SYS_SETNS
	sysProcessVmReadv = syscall.SYS_PROCESS_VM_READV
	sysSeccomp        = 277
	sysGetrandom      = 278
	sysMemfdCreate    = 279
	sysMembarrier     = 283
	sysCopyFileRange  = 285
	sysStatx          = 291
	sysRseq           = 293
)

var plainHere = []uint32{syscall.SYS_GETRLIMIT}
