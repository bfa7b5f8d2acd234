package main

// Numbers of <asm/unistd.h>; names are in the comments. What is in neither list is allowed.

// callTables has no 32-bit ARM: what uses it is ended.
var callTables = []callTable{callsARM64}

const sysSeccomp = 277

// callsARM64 are the calls of arm64.
var callsARM64 = callTable{
	arch: 0xc00000b7, last: 450,
	clone: 220, clone3: 435, socket: 198, personality: 92,
	refused: []span{
		{18, 18},   // lookup_dcookie
		{39, 42},   // umount2, mount, pivot_root, nfsservctl
		{58, 58},   // vhangup
		{60, 60},   // quotactl
		{89, 89},   // acct
		{97, 97},   // unshare
		{104, 106}, // kexec_load, init_module, delete_module
		{112, 112}, // clock_settime
		{116, 116}, // syslog
		{142, 142}, // reboot
		{161, 162}, // sethostname, setdomainname
		{170, 170}, // settimeofday
		{217, 219}, // add_key, request_key, keyctl
		{224, 225}, // swapon, swapoff
		{235, 239}, // mbind, get_mempolicy, set_mempolicy, migrate_pages, move_pages
		{241, 241}, // perf_event_open
		{262, 262}, // fanotify_init
		{265, 265}, // open_by_handle_at
		{268, 268}, // setns
		{272, 273}, // kcmp, finit_module
		{280, 280}, // bpf
		{282, 282}, // userfaultfd
		{294, 294}, // kexec_file_load
		{404, 404}, // clock_settime64
		{425, 433}, // io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
		{438, 438}, // pidfd_getfd
		{440, 440}, // process_madvise
		{442, 443}, // mount_setattr, quotactl_fd
		{450, 450}, // set_mempolicy_home_node
	},
	unknown: []span{{245, 259}, {295, 402}, {415, 415}},
}
