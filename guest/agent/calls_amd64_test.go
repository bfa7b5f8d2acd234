package main

// attemptedCalls are made with zeros as arguments.
var attemptedCalls = map[string]uintptr{
	"clone3": 435, "newest": 999, "bpf": 321, "keyctl": 250, "userfaultfd": 323, "io_uring_setup": 425, "kexec_load": 246,
	"init_module": 175, "perf_event_open": 298, "open_by_handle_at": 304,
}
