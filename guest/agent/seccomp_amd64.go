package main

// Numbers of <asm/unistd.h>; names are in the comments. What is in neither list is allowed.

// callTables: 32-bit programs run too, as under Docker.
var callTables = []callTable{callsAMD64, callsI386}

const sysSeccomp = 317

// callsAMD64 are the calls of x86-64.
var callsAMD64 = callTable{
	arch: 0xc000003e, last: 450,
	clone: 56, clone3: 435, socket: 41, personality: 135,
	refused: []span{
		{103, 103}, // syslog
		{134, 134}, // uselib
		{136, 136}, // ustat
		{139, 139}, // sysfs
		{153, 153}, // vhangup
		{155, 156}, // pivot_root, _sysctl
		{163, 185}, // acct, settimeofday, mount, umount2, swapon, swapoff, reboot, sethostname, setdomainname, iopl, ioperm, create_module, init_module, delete_module, get_kernel_syms, query_module, quotactl, nfsservctl, getpmsg, putpmsg, afs_syscall, tuxcall, security
		{212, 212}, // lookup_dcookie
		{227, 227}, // clock_settime
		{236, 239}, // vserver, mbind, set_mempolicy, get_mempolicy
		{246, 246}, // kexec_load
		{248, 250}, // add_key, request_key, keyctl
		{256, 256}, // migrate_pages
		{272, 272}, // unshare
		{279, 279}, // move_pages
		{298, 298}, // perf_event_open
		{300, 300}, // fanotify_init
		{304, 304}, // open_by_handle_at
		{308, 308}, // setns
		{312, 313}, // kcmp, finit_module
		{320, 321}, // kexec_file_load, bpf
		{323, 323}, // userfaultfd
		{425, 433}, // io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
		{438, 438}, // pidfd_getfd
		{440, 440}, // process_madvise
		{442, 443}, // mount_setattr, quotactl_fd
		{450, 450}, // set_mempolicy_home_node
	},
	unknown: []span{{335, 423}},
}

// callsI386 are the calls of 32-bit x86.
var callsI386 = callTable{
	arch: 0x40000003, last: 450,
	clone: 120, clone3: 435, socket: 359, personality: 136,
	refused: []span{
		{17, 18},   // break, oldstat
		{21, 22},   // mount, umount
		{25, 25},   // stime
		{28, 28},   // oldfstat
		{31, 32},   // stty, gtty
		{34, 35},   // nice, ftime
		{44, 44},   // prof
		{48, 48},   // signal
		{51, 53},   // acct, umount2, lock
		{56, 56},   // mpx
		{58, 59},   // ulimit, oldolduname
		{62, 62},   // ustat
		{67, 69},   // sigaction, sgetmask, ssetmask
		{72, 74},   // sigsuspend, sigpending, sethostname
		{79, 79},   // settimeofday
		{84, 84},   // oldlstat
		{86, 89},   // uselib, swapon, reboot, readdir
		{98, 98},   // profil
		{101, 101}, // ioperm
		{103, 103}, // syslog
		{109, 113}, // olduname, iopl, vhangup, idle, vm86old
		{115, 115}, // swapoff
		{121, 121}, // setdomainname
		{127, 131}, // create_module, init_module, delete_module, get_kernel_syms, quotactl
		{134, 135}, // bdflush, sysfs
		{137, 137}, // afs_syscall
		{149, 149}, // _sysctl
		{166, 167}, // vm86, query_module
		{169, 169}, // nfsservctl
		{188, 189}, // getpmsg, putpmsg
		{217, 217}, // pivot_root
		{253, 253}, // lookup_dcookie
		{264, 264}, // clock_settime
		{273, 276}, // vserver, mbind, get_mempolicy, set_mempolicy
		{283, 283}, // kexec_load
		{286, 288}, // add_key, request_key, keyctl
		{294, 294}, // migrate_pages
		{310, 310}, // unshare
		{317, 317}, // move_pages
		{336, 336}, // perf_event_open
		{338, 338}, // fanotify_init
		{342, 342}, // open_by_handle_at
		{346, 346}, // setns
		{349, 350}, // kcmp, finit_module
		{357, 357}, // bpf
		{374, 374}, // userfaultfd
		{404, 404}, // clock_settime64
		{425, 433}, // io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
		{438, 438}, // pidfd_getfd
		{440, 440}, // process_madvise
		{442, 443}, // mount_setattr, quotactl_fd
		{450, 450}, // set_mempolicy_home_node
	},
	unknown: []span{{222, 223}, {251, 251}, {285, 285}, {387, 392}, {415, 415}},
}
