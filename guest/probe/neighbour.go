package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// orders is what the neighbour is told.
type orders struct {
	Secret string `json:"secret"` // whoever else sees it has crossed the boundary
}

// traits is what the neighbour tells: where an attacker would look for it, and what must not be the same twice.
type traits struct {
	Port          int      `json:"port"` // TCP and UDP, on all its addresses
	Addresses     []string `json:"addresses"`
	File          string   `json:"file"`
	MetadataToken string   `json:"metadataToken"` // empty: there is no metadata service
	Random        string   `json:"random"`
	BootID        string   `json:"bootId"`
	Touched       bool     `json:"touched"` // in the second line only: somebody connected
}

// neighbour listens, keeps a file, and gives the secret to whoever asks, until its input ends. A first line says what it
// is, a last one whether anybody came.
func neighbour(in io.Reader, out *os.File) error {
	decoder := json.NewDecoder(in)
	var told orders
	if err := decoder.Decode(&told); err != nil {
		return err
	}
	file, err := os.CreateTemp(firstFolder("/tmp", "/dev/shm", "/"), "neighbour-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(told.Secret); err != nil {
		return err
	}
	tcp, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	port := tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	if err != nil {
		return err
	}
	touched := make(chan struct{}, 2)
	go serveTCP(tcp, told.Secret, touched)
	go serveUDP(udp, told.Secret, touched)
	is := traits{Port: port, Addresses: ownAddresses(), File: file.Name(), MetadataToken: metadataToken(), Random: random(), BootID: bootID()}
	if err := answer(out, is); err != nil {
		return err
	}
	io.Copy(io.Discard, in)
	select {
	case <-touched:
		is.Touched = true
	case <-time.After(0):
	}
	return answer(out, is)
}

func serveTCP(listener net.Listener, secret string, touched chan<- struct{}) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		note(touched)
		conn.Write([]byte(secret))
		conn.Close()
	}
}

func serveUDP(conn *net.UDPConn, secret string, touched chan<- struct{}) {
	packet := make([]byte, 2048)
	for {
		_, from, err := conn.ReadFromUDP(packet)
		if err != nil {
			return
		}
		note(touched)
		conn.WriteToUDP([]byte(secret), from)
	}
}

func note(touched chan<- struct{}) {
	select {
	case touched <- struct{}{}:
	default: // once is enough
	}
}

// firstFolder is the first that is there.
func firstFolder(candidates ...string) string {
	for _, folder := range candidates {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
	}
	return "/"
}

func ownAddresses() []string {
	addresses := []string{}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return addresses
	}
	for _, one := range all {
		if network, ok := one.(*net.IPNet); ok && !network.IP.IsLoopback() {
			addresses = append(addresses, network.IP.String())
		}
	}
	return addresses
}

func random() string {
	bytes := make([]byte, 32)
	if _, err := rand.Read(bytes); err != nil {
		return ""
	}
	return hex.EncodeToString(bytes)
}

func bootID() string {
	content, err := os.ReadFile(filepath.Join("/proc", "sys/kernel/random/boot_id"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}
