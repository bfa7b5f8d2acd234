// Command jail starts a virtual machine monitor where it can do nothing but run its guest, and waits for its end.
//
// Two processes of this program make a jail. The keeper reads the specification from descriptor 3, opens what the VMM
// is to be handed, and starts the second in new namespaces; that one builds the VMM's root, gives up every privilege and
// becomes the VMM. The keeper stays, with nothing of the VMM's but its end: it exits as the VMM does, and neither
// outlives the other.
//
//	jail <control socket>     the keeper; the argument says to whom it belongs, also for a later daemon
//	jail                      the second, told by descriptors
//
// See docs/jail.md.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// exitFailed says that there was no VMM: the reason is on standard error.
const exitFailed = 125

func init() {
	// Namespaces, credentials and filters belong to threads: everything happens on the first one, which /proc/PID shows.
	runtime.LockOSThread()
	// There is nothing to collect, and the keeper should stay small.
	debug.SetGCPercent(-1)
}

func main() {
	var err error
	if len(os.Args) == 1 {
		err = becomeVmm()
	} else {
		err = keep()
	}
	fmt.Fprintln(os.Stderr, "jail:", err)
	os.Exit(exitFailed)
}
