package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const isOwnProcess = "TARDIGRADE_TEST_OWN_PROCESS"

// ownProcess reports true in a process that runs this test alone, and starts it (and reports false) in any
// other: an agent's reaper collects every child of its process, those of other tests too.
func ownProcess(t *testing.T, cloneFlags uintptr) bool {
	t.Helper()
	if os.Getenv(isOwnProcess) != "" {
		return true
	}
	command := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), isOwnProcess+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: cloneFlags}
	output, err := command.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

// ownNamespace is ownProcess for tests of the real container set-up, which need root: in a mount namespace with
// an empty /run, so that nothing of theirs is left on the machine.
func ownNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	if !ownProcess(t, syscall.CLONE_NEWNS|syscall.CLONE_NEWUTS) { // what a container with all capabilities may change is not to be the host's
		return false
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	return true
}

// containerFolder is a root file system of one program, the test binary as /bin/probe.
func containerFolder(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:App:/home/app:/bin/sh\n",
		"etc/group":  "root:x:0:\napp:x:1002:\nextra:x:1003:root,app\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/run/systemd/resolve/stub-resolv.conf", filepath.Join(root, "etc/resolv.conf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(filepath.Join(root, "bin/probe"), os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	return root
}

func startRequest(root, user, capabilities string, args ...string) map[string]any {
	return map[string]any{
		"op": "start", "rootDevice": root, "args": append([]string{"probe", "probe"}, args...), "env": map[string]string{"A": "1"},
		"cwd": "/srv/new", "user": user, "capabilities": capabilities, "stopSignal": "SIGTERM",
	}
}

// runFacts starts the probe as the application and returns what it saw.
func runFacts(t *testing.T, user, capabilities string) factSheet {
	t.Helper()
	_, address := serveAgent(t)
	answer, _, _ := call(t, address, startRequest(containerFolder(t), user, capabilities, "facts"))
	if answer["ok"] != true {
		t.Fatalf("start: %v", answer)
	}
	_, events, _ := call(t, address, map[string]any{"op": "events", "after": 0})
	var line struct{ Text string }
	var sheet factSheet
	if err := json.NewDecoder(events).Decode(&line); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(line.Text), &sheet); err != nil {
		t.Fatalf("%q: %v", line.Text, err)
	}
	return sheet
}

func TestContainerOfRoot(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	sheet := runFacts(t, "", "default")
	for _, set := range []string{"CapBnd", "CapPrm", "CapEff"} {
		if sheet.Status[set] != "00000000a80425fb" {
			t.Errorf("%s is %s", set, sheet.Status[set])
		}
	}
	if sheet.Status["CapInh"] != "0000000000000000" {
		t.Errorf("CapInh is %s", sheet.Status["CapInh"])
	}
	if len(sheet.Processes) != 2 || sheet.Processes[0] != "1" {
		t.Errorf("processes in the container: %v", sheet.Processes)
	}
	if sheet.Cwd != "/srv/new" || sheet.NoFile < 4096 || sheet.CanWriteSys || !sheet.StdoutReopens {
		t.Errorf("cwd %q, hard open file limit %d, /proc/sys writable %v, /dev/stdout opens %v", sheet.Cwd, sheet.NoFile, sheet.CanWriteSys, sheet.StdoutReopens)
	}
	if got := strings.Join(sheet.Env, " "); got != "A=1 HOME=/root PATH="+defaultPath {
		t.Errorf("environment %q", got)
	}
	if sheet.Resolv != resolvConf || sheet.Hosts != hostsLines {
		t.Errorf("resolv.conf %q, hosts %q", sheet.Resolv, sheet.Hosts)
	}
	if got := strings.Join(sheet.Root, " "); got != "bin dev etc proc srv sys" {
		t.Errorf("root holds %q", got)
	}
}

func TestContainerOfUserWithAllCapabilities(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	sheet := runFacts(t, "app", "all")
	if !strings.Contains(string(own), "CapBnd:\t"+sheet.Status["CapBnd"]) {
		t.Errorf("CapBnd is %s, not the agent's", sheet.Status["CapBnd"])
	}
	if sheet.Status["CapEff"] != "0000000000000000" {
		t.Errorf("CapEff of an ordinary user is %s", sheet.Status["CapEff"])
	}
	if sheet.UID != 1001 || sheet.GID != 1002 || len(sheet.Groups) != 1 || sheet.Groups[0] != 1003 {
		t.Errorf("uid %d gid %d groups %v", sheet.UID, sheet.GID, sheet.Groups)
	}
	if !sheet.StdoutReopens {
		t.Error("/dev/stdout does not open")
	}
}

// hasLine reads events until one has that text.
func hasLine(events io.Reader, text string) bool {
	decoder := json.NewDecoder(events)
	for {
		var line struct{ Text string }
		if decoder.Decode(&line) != nil {
			return false
		}
		if line.Text == text {
			return true
		}
	}
}

func TestExecInContainerAndStop(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	a, address := serveAgent(t)
	root := containerFolder(t)
	if answer, _, _ := call(t, address, startRequest(root, "app", "default", "term")); answer["ok"] != true {
		t.Fatalf("start: %v", answer)
	}
	answer, reader, _ := call(t, address, map[string]any{"op": "exec", "args": []string{"probe", "probe", "facts"}, "env": map[string]string{"B": "2"}})
	if answer["ok"] != true {
		t.Fatalf("exec: %v", answer)
	}
	stdout, _, code := frames(t, reader)
	var sheet factSheet
	if err := json.Unmarshal([]byte(stdout), &sheet); err != nil || code != "0" {
		t.Fatalf("exec: code %s, %q: %v", code, stdout, err)
	}
	if sheet.Status["CapBnd"] != "00000000a80425fb" || sheet.Status["CapEff"] != "00000000a80425fb" || sheet.UID != 0 {
		t.Errorf("exec: CapBnd %s, CapEff %s, uid %d", sheet.Status["CapBnd"], sheet.Status["CapEff"], sheet.UID)
	}
	if len(sheet.Processes) != 3 || sheet.Cwd != "/srv/new" || !strings.Contains(strings.Join(sheet.Env, " "), "A=1 B=2") {
		t.Errorf("exec: processes %v, cwd %q, env %q", sheet.Processes, sheet.Cwd, sheet.Env)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "unmount"}); answer["code"] != codeBusy {
		t.Errorf("unmount under a running application: %v", answer)
	}
	if _, events, _ := call(t, address, map[string]any{"op": "events", "after": 0}); !hasLine(events, "waiting") {
		t.Error("the application does not wait for its signal")
	}
	a.app.renameHost("renamed")
	if name, err := os.ReadFile(filepath.Join(root, "etc/hostname")); err != nil || string(name) != "renamed\n" {
		t.Errorf("/etc/hostname: %q %v", name, err)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "stop", "graceMs": 20000}); answer["ok"] != true {
		t.Fatalf("stop: %v", answer)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "status"}); answer["exitCode"] != 5.0 {
		t.Errorf("status: %v", answer)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "exec", "args": []string{"probe"}}); answer["code"] != codeNotStarted {
		t.Errorf("exec after the end: %v", answer)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "unmount"}); answer["ok"] != true {
		t.Errorf("unmount: %v", answer)
	}
}

func TestStartFailuresName(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	_, address := serveAgent(t)
	root := containerFolder(t)
	if err := os.WriteFile(filepath.Join(root, "bin/script"), []byte("#!/bin/nosh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/text"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) map[string]any {
		r := startRequest(root, "", "default", "facts")
		r[key] = value
		return r
	}
	for want, request := range map[string]map[string]any{
		`executable "nosuch" not found in PATH`:            with("args", []string{"nosuch"}),
		`executable "/bin/text" has no execute permission`: with("args", []string{"/bin/text"}),
		`executable "/bin/script": its interpreter`:        with("args", []string{"/bin/script"}),
		`user "ghost" is not in /etc/passwd`:               with("user", "ghost"),
		`group "ghosts" is not in /etc/group`:              with("user", "app:ghosts"),
		`working folder "/bin/probe" cannot be`:            with("cwd", "/bin/probe"),
		`root device "/nowhere"`:                           with("rootDevice", "/nowhere"),
	} {
		answer, _, _ := call(t, address, request)
		message, _ := answer["message"].(string)
		if answer["code"] != codeStartFailed || !strings.HasPrefix(message, want) {
			t.Errorf("want %q, got %v", want, answer)
		}
	}
	if answer, _, _ := call(t, address, startRequest(root, "", "default", "facts")); answer["ok"] != true {
		t.Errorf("start after failures: %v", answer)
	}
}

func TestExecOnDevice(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	_, address := serveAgent(t)
	root := containerFolder(t)
	for round := 0; round < 2; round++ {
		answer, reader, _ := call(t, address, map[string]any{"op": "exec", "device": root, "args": []string{"probe", "probe", "facts"}})
		if answer["ok"] != true {
			t.Fatalf("exec: %v", answer)
		}
		stdout, _, code := frames(t, reader)
		var sheet factSheet
		if err := json.Unmarshal([]byte(stdout), &sheet); err != nil || code != "0" {
			t.Fatalf("exec: code %s, %q: %v", code, stdout, err)
		}
		if got := strings.Join(sheet.Root, " "); got != "bin dev etc proc run sys tmp" {
			t.Errorf("root holds %q", got)
		}
	}
	if mounts, err := mountsBelow(deviceRootsDir); err != nil || len(mounts) != len(deviceRootMounts)+1 {
		t.Errorf("mounts: %v %v", mounts, err)
	}
	if answer, _, _ := call(t, address, map[string]any{"op": "unmount"}); answer["ok"] != true {
		t.Fatalf("unmount: %v", answer)
	}
	if mounts, err := mountsBelow(deviceRootsDir); err != nil || len(mounts) != 0 {
		t.Errorf("left mounted: %v %v", mounts, err)
	}
}
