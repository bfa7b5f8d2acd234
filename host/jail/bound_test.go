package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestShortenKeepsTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.log")
	if err := os.WriteFile(path, append(bytes.Repeat([]byte("x"), boundMax), "\nthe last words\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	logs, err := openLogs([]Descriptor{{Listen: "no file"}, {Write: path}})
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v, %d files", err, len(logs))
	}
	for round := 0; round < 2; round++ { // the second finds nothing to do
		if err := shorten(logs[0]); err != nil {
			t.Fatal(err)
		}
	}
	writer.WriteString("and more\n")
	left, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != boundKept+len("and more\n") || !bytes.HasSuffix(left, []byte("\nthe last words\nand more\n")) {
		t.Fatalf("%d bytes, ending in %q", len(left), left[len(left)-40:])
	}
}
