package main

// attemptedCalls are made with zeros as arguments.
var attemptedCalls = map[string]uintptr{
	"clone3": 435, "newest": 999, "bpf": 280, "keyctl": 219, "userfaultfd": 282, "io_uring_setup": 425, "kexec_load": 104,
	"init_module": 105, "perf_event_open": 241, "open_by_handle_at": 265,
}
