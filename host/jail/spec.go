package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Spec is what the engine asks for.
type Spec struct {
	// Tree is a folder with the VMM's program, libraries and firmware; it becomes /vmm.
	Tree string `json:"tree"`
	// Mount is an empty folder over which the root is made. Nothing is left there.
	Mount string `json:"mount"`
	// Program is a path in the jail; Args begins with the program's name.
	Program string   `json:"program"`
	Args    []string `json:"args"`
	Env     []string `json:"env"`
	// Netns is the network namespace of the tap. Empty: there is no network.
	Netns string `json:"netns"`
	// Ram is handed to the VMM at its first open for reading and writing.
	Ram *Ram `json:"ram"`
	// Descriptors are handed over as 3, 4, …
	Descriptors []Descriptor `json:"descriptors"`
	// Files are in the jail under the paths they have on the host.
	Files  []File `json:"files"`
	Kvm    bool   `json:"kvm"`
	Ids    Ids    `json:"ids"`
	Limits Limits `json:"limits"`

	// Uid and Gid are the keeper's choice.
	Uid int `json:"uid"`
}

// Ram is the file behind the guest's memory.
type Ram struct {
	Path string `json:"path"`
	// Create makes it anew, to be written; otherwise the VMM gets it for reading, and maps it copy on write.
	Create bool `json:"create"`
}

// Descriptor is one of: a file to read, a file to write anew, a listening Unix socket, the tap.
type Descriptor struct {
	Read   string `json:"read,omitempty"`
	Write  string `json:"write,omitempty"`
	Listen string `json:"listen,omitempty"`
	Tap    string `json:"tap,omitempty"`
}

// File is one file of the host.
type File struct {
	Path     string `json:"path"`
	Writable bool   `json:"writable"`
}

// Ids is a range of user ids, the group ids of the same numbers among them. The first is the group that may read what
// VMs share; each VM has one of the others to itself.
type Ids struct {
	First int `json:"first"`
	Count int `json:"count"`
	// Locks is a folder of the host's in which a file for each id in use is locked.
	Locks string `json:"locks"`
}

// Limits of the VMM as a process.
type Limits struct {
	Tasks     uint64 `json:"tasks"`
	FileBytes uint64 `json:"fileBytes"`
}

func readSpec(from io.Reader) (*Spec, error) {
	var spec Spec
	if err := json.NewDecoder(from).Decode(&spec); err != nil {
		return nil, fmt.Errorf("specification: %w", err)
	}
	return &spec, nil
}

// sendSpec writes it to a pipe that `to` is the end of, and closes it.
func sendSpec(to *os.File, spec *Spec) error {
	if err := json.NewEncoder(to).Encode(spec); err != nil {
		return err
	}
	return to.Close()
}
