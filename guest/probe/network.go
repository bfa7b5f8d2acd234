package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	dialWait = 2 * time.Second
	udpWait  = 500 * time.Millisecond
	atOnce   = 64
)

// commonPorts are those of services a host may have.
var commonPorts = []int{21, 22, 23, 25, 80, 111, 139, 443, 445, 631, 873, 2049, 2375, 2376, 3000, 3128, 3306, 5000, 5432, 6379, 6443, 7400, 7443, 8000, 8080, 8443, 9000, 9090, 9200, 10250, 27017}

func seesOpenPort(aim *targets) (string, bool, error) {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(aim.AppPort))
	if len(connected([]string{at})) == 0 {
		return at + " looks closed: what the other attempts find means nothing", true, nil
	}
	return "connected", false, nil
}

func reachNeighbour(aim *targets) (string, bool, error) {
	where := pairs(nearby(aim), []int{aim.Neighbour.Port, aim.AppPort, 1024})
	found := those(where, func(at string) bool { return strings.Contains(saidBy(at), aim.Secret) })
	if len(found) > 0 {
		return "its secret, at " + found[0], true, nil
	}
	return fmt.Sprintf("%d addresses tried", len(nearby(aim))), false, nil
}

func reachNeighbourByUDP(aim *targets) (string, bool, error) {
	found := those(nearby(aim), func(address string) bool {
		conn, err := net.Dial("udp4", net.JoinHostPort(address, strconv.Itoa(aim.Neighbour.Port)))
		if err != nil {
			return false
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(udpWait))
		conn.Write([]byte("hello"))
		answer := make([]byte, 2048)
		n, _ := conn.Read(answer)
		return bytes.Contains(answer[:n], []byte(aim.Secret))
	})
	if len(found) > 0 {
		return "its secret, at " + found[0], true, nil
	}
	return "no answer", false, nil
}

// nearby is where a neighbour could be: at its own addresses, in this guest's networks, and next to the gateway.
func nearby(aim *targets) []string {
	found := map[string]bool{}
	for _, address := range append(append([]string{}, aim.Neighbour.Addresses...), gateway()) {
		for _, near := range around(address) {
			found[near] = true
		}
	}
	addresses := make([]string, 0, len(found))
	for address := range found {
		addresses = append(addresses, address)
	}
	sort.Strings(addresses)
	return addresses
}

// around is the 32 IPv4 addresses next to one.
func around(address string) []string {
	ip := net.ParseIP(address).To4()
	if ip == nil {
		return nil
	}
	start := binary.BigEndian.Uint32(ip) &^ 31
	all := make([]string, 32)
	for i := range all {
		next := make(net.IP, 4)
		binary.BigEndian.PutUint32(next, start+uint32(i))
		all[i] = next.String()
	}
	return all
}

func reachGateway(aim *targets) (string, bool, error) {
	address := gateway()
	if address == "" {
		return "", false, skipped("this guest has no gateway")
	}
	return closed(pairs([]string{address}, append(aim.HostPorts, commonPorts...)), aim)
}

func reachHost(aim *targets) (string, bool, error) {
	if len(aim.HostAddrs) == 0 {
		return "", false, skipped("the host's addresses are not known here: run this on the host, or name it by its address")
	}
	return closed(pairs(aim.HostAddrs, append(aim.HostPorts, commonPorts...)), aim)
}

func reachLinkLocal(aim *targets) (string, bool, error) {
	addresses := []string{"169.254.0.1", "169.254.1.1", "169.254.79.1", "169.254.169.123", "169.254.169.251", "169.254.169.253", "169.254.170.2", "169.254.170.23"}
	return closed(pairs(addresses, []int{22, 80, 443, 7400}), aim)
}

func closed(where []string, aim *targets) (string, bool, error) {
	open := []string{}
	for _, at := range connected(where) {
		if !contains(aim.NotTheirPort, at) {
			open = append(open, at)
		}
	}
	if len(open) > 0 {
		return "connected to " + strings.Join(open, ", "), true, nil
	}
	return fmt.Sprintf("%d ports tried", len(where)), false, nil
}

func metadataWithoutToken(*targets) (string, bool, error) {
	status, _ := askMetadata("GET", "/latest/meta-data/iam/security-credentials/", nil)
	if status == 0 {
		return "", false, skipped("there is no metadata service")
	}
	return fmt.Sprintf("HTTP %d", status), status == 200, nil
}

func metadataOfNeighbour(aim *targets) (string, bool, error) {
	if aim.Neighbour.MetadataToken == "" {
		return "", false, skipped("the neighbour was given no token")
	}
	ask := func(token string) int {
		status, _ := askMetadata("GET", "/latest/meta-data/placement/region", map[string]string{"X-aws-ec2-metadata-token": token})
		return status
	}
	if own := ask(metadataToken()); own != 200 {
		return fmt.Sprintf("its own token is answered HTTP %d: what is said to another's means nothing", own), true, nil
	}
	status := ask(aim.Neighbour.MetadataToken)
	return fmt.Sprintf("HTTP %d", status), status == 200, nil
}

// askAgent speaks to the agent as the host does.
func askAgent(*targets) (string, bool, error) {
	for _, address := range append(ownAddresses(), "127.0.0.1") {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "1024"), dialWait)
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(dialWait))
		conn.Write([]byte("{\"op\":\"ping\"}\n"))
		answer := make([]byte, 256)
		n, _ := conn.Read(answer)
		conn.Close()
		if n > 0 {
			return fmt.Sprintf("it answers at %s", address), true, nil
		}
	}
	return "silent", false, nil
}

// gateway is that of the default route; empty without one.
func gateway() string {
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return ""
	}
	for _, line := range strings.Split(string(routes), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		raw, err := hex.DecodeString(fields[2])
		if err == nil && len(raw) == 4 {
			return net.IPv4(raw[3], raw[2], raw[1], raw[0]).String()
		}
	}
	return ""
}

func pairs(addresses []string, ports []int) []string {
	all := []string{}
	for _, address := range addresses {
		for _, port := range ports {
			if at := net.JoinHostPort(address, strconv.Itoa(port)); !contains(all, at) {
				all = append(all, at)
			}
		}
	}
	return all
}

// connected is those that take a TCP connection, in their order.
func connected(where []string) []string {
	return those(where, func(at string) bool {
		conn, err := net.DialTimeout("tcp", at, dialWait)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// those is the places for which something holds, in their order. Many are asked at once, as most answer by silence.
func those(where []string, holds func(string) bool) []string {
	held := make([]bool, len(where))
	places := make(chan int)
	var group sync.WaitGroup
	for worker := 0; worker < atOnce; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range places {
				held[i] = holds(where[i])
			}
		}()
	}
	for i := range where {
		places <- i
	}
	close(places)
	group.Wait()
	found := []string{}
	for i, is := range held {
		if is {
			found = append(found, where[i])
		}
	}
	return found
}

func saidBy(at string) string {
	conn, err := net.DialTimeout("tcp", at, dialWait)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(dialWait))
	said := make([]byte, 4096)
	n, _ := conn.Read(said)
	return string(said[:n])
}

func contains(all []string, one string) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}
