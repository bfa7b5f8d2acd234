package main

// Newer calls have the same number on every architecture.
const (
	sysIoUringSetup = 425
	sysClone3       = 435
	sysCloseRange   = 436
	sysOpenat2      = 437
	sysFaccessat2   = 439
)
