package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

const (
	resolvConf = "nameserver " + gatewayIP + "\n"
	hostsLines = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
)

// writeNetworkFiles writes resolver, hosts and hostname files into the current root.
func writeNetworkFiles() error {
	if err := os.MkdirAll("/etc", 0o755); err != nil {
		return err
	}
	if err := replaceFile("/etc/resolv.conf", resolvConf); err != nil {
		return err
	}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if !hasWord(string(hosts), "localhost") {
		if err := replaceFile("/etc/hosts", hostsLines+string(hosts)); err != nil {
			return err
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	return replaceFile("/etc/hostname", name+"\n")
}

// replaceFile writes a plain file; a link of that name (a resolver service's, often dangling) is not followed.
func replaceFile(path, content string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("%s is in the way: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

// renameHost rewrites /etc/hostname in the container, best effort: the kernel's hostname is what counts.
func (app *application) renameHost(hostname string) {
	c := app.current()
	if c == nil || !c.contained {
		return
	}
	if err := writeHostname(c.init.pid, hostname); err != nil {
		logf("/etc/hostname not written: %v", err)
	}
}

func writeHostname(pid int, hostname string) error {
	file, err := containerFile(pid, "/etc/hostname", syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(strings.TrimSpace(hostname) + "\n")
	return err
}
