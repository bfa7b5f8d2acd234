package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the agent's own: as the container's init, which the agent starts
// by /proc/self/exe, and as the application in a container that holds no other program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == containerInitArg {
		containerInit()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == containerCopyArg {
		containerCopy(os.Args[2:])
	}
	if len(os.Args) > 1 && os.Args[1] == "probe" {
		probe(os.Args[2:])
		return
	}
	runtime.LockOSThread() // as main does
	os.Exit(m.Run())
}

// probe is a small application; what it does is its first argument.
func probe(args []string) {
	switch args[0] {
	case "facts":
		json.NewEncoder(os.Stdout).Encode(facts())
	case "attempts", "allowed-attempts":
		var names []string
		if args[0] == "allowed-attempts" {
			names = allowedWithAll
		}
		json.NewEncoder(os.Stdout).Encode(attempts(names))
		if len(args) > 1 {
			time.Sleep(time.Hour)
		}
	case "wait":
		fmt.Println("waiting")
		select {}
	case "term": // ends with code 5 on SIGTERM
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("waiting")
		<-signals
		os.Exit(5)
	case "exit":
		var code int
		fmt.Sscan(args[1], &code)
		os.Exit(code)
	}
}

// factSheet is what a process sees of itself and its container.
type factSheet struct {
	PID, UID, GID int
	Groups        []int
	Cwd           string
	Env           []string
	Status        map[string]string // of /proc/self/status
	NoFile        uint64            // hard limit of open files; the Go runtime of the probe raises the soft one
	Processes     []string          // names in /proc that are pids
	Resolv        string
	Hosts         string
	Root          []string
	CanWriteSys   bool
	StdoutReopens bool
	Stdin         string // what descriptor 0 is
}

func facts() factSheet {
	f := factSheet{PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ(), Status: map[string]string{}}
	f.Groups, _ = os.Getgroups()
	f.Cwd, _ = os.Getwd()
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if key, value, found := strings.Cut(line, ":"); found {
			f.Status[key] = strings.TrimSpace(value)
		}
	}
	limits, _ := os.ReadFile("/proc/self/limits")
	for _, line := range strings.Split(string(limits), "\n") {
		if strings.HasPrefix(line, "Max open files") {
			fmt.Sscan(strings.Fields(line)[4], &f.NoFile)
		}
	}
	names := func(dir string) (out []string) {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			out = append(out, entry.Name())
		}
		return out
	}
	for _, name := range names("/proc") {
		if strings.Trim(name, "0123456789") == "" {
			f.Processes = append(f.Processes, name)
		}
	}
	f.Root = names("/")
	f.Stdin, _ = os.Readlink("/proc/self/fd/0")
	resolv, _ := os.ReadFile("/etc/resolv.conf")
	hosts, _ := os.ReadFile("/etc/hosts")
	f.Resolv, f.Hosts = string(resolv), string(hosts)
	if file, err := os.OpenFile("/proc/sys/vm/swappiness", os.O_WRONLY, 0); err == nil {
		f.CanWriteSys = true
		file.Close()
	}
	if file, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0); err == nil {
		f.StdoutReopens = true
		file.Close()
	}
	return f
}

// serveAgent runs an agent in host mode inside the test process and returns its address.
func serveAgent(t *testing.T) (*agent, string) {
	t.Helper()
	a, err := newAgent(true, net.ParseIP("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go a.handle(conn.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return a, listener.Addr().String()
}

// call sends a request and returns the answer line and the connection for what follows.
func call(t *testing.T, address string, request any) (map[string]any, *bufio.Reader, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	text, err := reader.ReadBytes('\n')
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("answer %q: %v", text, err)
	}
	return answer, reader, conn
}

// frames reads all frames of an exec and returns stdout, stderr and exit code.
func frames(t *testing.T, reader io.Reader) (stdout, stderr string, code string) {
	t.Helper()
	var out, errs bytes.Buffer
	for {
		kind, payload, err := readFrame(reader)
		if err != nil {
			t.Fatalf("frames end without an exit: %v", err)
		}
		switch kind {
		case frameStdout:
			out.Write(payload)
		case frameStderr:
			errs.Write(payload)
		case frameExit:
			return out.String(), errs.String(), string(payload)
		}
	}
}
