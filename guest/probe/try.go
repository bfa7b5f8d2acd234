package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// targets is what the attacker is told to aim at.
type targets struct {
	Secret       string   `json:"secret"` // to tell when it is seen; the neighbour's
	Neighbour    traits   `json:"neighbour"`
	AppPort      int      `json:"appPort"`
	HostPorts    []int    `json:"hostPorts"`
	HostAddrs    []string `json:"hostAddresses"`
	OwnsMachine  bool     `json:"ownsMachine"` // root has all capabilities: devices are its own
	NotTheirPort []string `json:"services"`    // addresses with a port that guests are meant to reach
}

// attempt is one try. It answers what it saw and whether that is a crossing; errSkipped when it cannot be tried here.
type attempt struct {
	name     string
	expected string
	run      func(*targets) (seen string, crossed bool, err error)
}

type outcome struct {
	Name     string `json:"name"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
	Outcome  string `json:"outcome"` // held, failed, not-checked
}

// skipped is why an attempt cannot be made.
type skipped string

func (s skipped) Error() string { return string(s) }

var attempts = []attempt{
	{"control: the probe sees an open port", "connected", seesOpenPort},
	{"the neighbour by its addresses and all near", "not reached", reachNeighbour},
	{"the neighbour's secret by UDP", "no answer", reachNeighbourByUDP},
	{"services of the host at the gateway", "closed", reachGateway},
	{"services of the host at its addresses", "closed", reachHost},
	{"link-local addresses", "closed", reachLinkLocal},
	{"the metadata service without a token", "refused", metadataWithoutToken},
	{"the metadata service with the neighbour's token", "refused", metadataOfNeighbour},
	{"the platform's agent in this guest", "silent", askAgent},
	{"a packet from an address that is not its own", "dropped", spoofSource},
	{"the neighbour's file", "not there", readNeighbourFile},
	{"devices with the disks of guest or host", "not opened", openDevices},
	{"random bytes and boot id", "other than the neighbour's", differs},
}

// try makes all attempts, and writes a line for each.
func try(in io.Reader, out *os.File) error {
	var aim targets
	if err := json.NewDecoder(in).Decode(&aim); err != nil {
		return err
	}
	for _, one := range attempts {
		if err := answer(out, one.made(&aim)); err != nil {
			return err
		}
	}
	return nil
}

func (a attempt) made(aim *targets) outcome {
	seen, crossed, err := a.run(aim)
	result := outcome{a.name, a.expected, seen, "held"}
	switch why := err.(type) {
	case nil:
		if crossed {
			result.Outcome = "failed"
		}
	case skipped:
		result.Seen, result.Outcome = why.Error(), "not-checked"
	default:
		result.Seen, result.Outcome = fmt.Sprintf("the attempt itself failed: %v", err), "failed"
	}
	return result
}
