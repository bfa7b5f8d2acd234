// Command agent is PID 1 of every guest: it boots the machine from an initramfs, listens for the host,
// runs the application in a container and passes connections to it. Protocol: docs/guest-protocol.md.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == containerInitArg {
		containerInit()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == containerCopyArg {
		containerCopy(os.Args[2:])
	}
	listen := flag.String("listen", net.JoinHostPort(guestIP, agentPort), "address to serve on")
	allow := flag.String("allow", gatewayIP, "the one peer address that is served")
	host := flag.Bool("host", false, "run as an ordinary process: no boot, no network set-up, no clock change")
	flag.Parse()
	// The process's first thread is what /proc/self shows: threads that enter other roots must be others.
	runtime.LockOSThread()

	// Little garbage is made; a low target keeps the pages a clone dirties few.
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(48 << 20)

	if !*host {
		if err := boot(); err != nil {
			fatal(err)
		}
	}
	a, err := newAgent(*host, net.ParseIP(*allow))
	if err != nil {
		fatal(err)
	}
	listener, err := listenFromOutside(*listen, *host)
	if err != nil {
		fatal(fmt.Errorf("cannot listen on %s: %w", *listen, err))
	}
	if *host {
		fmt.Printf("listening %s\n", listener.Addr())
	}
	logf("ready")
	go a.serve(listener) // a locked thread would be slow to switch to
	<-make(chan struct{})
}
