package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func packed(t *testing.T, path string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := pack(path, &out, func(format string, args ...any) { t.Logf(format, args...) }); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func names(t *testing.T, archive []byte) (out []string) {
	t.Helper()
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, header.Name)
	}
}

// sampleTree has all that is copied, and a FIFO, which is not.
func sampleTree(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tree")
	long := strings.Repeat("long", 60)
	for _, folder := range []string{"", "empty", "sub"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"sub/run": "#!", "sub/" + long: "x", "ä": strings.Repeat("y", 100_000)} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(root, "sub/run"), 0o750|os.ModeSetuid),
		os.Symlink("../"+long, filepath.Join(root, "sub/link")),
		syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600),
		os.Chtimes(filepath.Join(root, "sub/run"), time.Now(), time.Unix(1e9, 0)),
		os.Chtimes(filepath.Join(root, "sub"), time.Now(), time.Unix(2e9, 0)),
		os.Chmod(filepath.Join(root, "sub"), 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// inspect describes a tree.
func inspect(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(root, func(name string, info os.FileInfo, err error) error {
		if err != nil || info.Mode()&os.ModeNamedPipe != 0 {
			return err
		}
		below, _ := filepath.Rel(root, name)
		target, _ := os.Readlink(name)
		size, modified := info.Size(), info.ModTime().Unix()
		if info.IsDir() {
			size = 0
		}
		if target != "" {
			modified = 0
		}
		fmt.Fprintln(&out, below, info.Mode(), size, modified, target)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPackThenUnpackIsTheSame(t *testing.T) {
	root := sampleTree(t)
	want := inspect(t, root)
	for _, round := range []string{"new name", "over itself"} {
		target := filepath.Join(t.TempDir(), "copy")
		for i := 0; i < 1+len(round)%2; i++ {
			if err := unpack(target, bytes.NewReader(packed(t, root+"/."))); err != nil {
				t.Fatalf("%s: %v", round, err)
			}
		}
		if got := inspect(t, target); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", round, got, want)
		}
	}
	into := t.TempDir()
	if err := unpack(into, bytes.NewReader(packed(t, root))); err != nil {
		t.Fatal(err)
	}
	if got := inspect(t, filepath.Join(into, "tree")); got != want {
		t.Errorf("into a folder: got\n%s\nwant\n%s", got, want)
	}
}

func TestPackNames(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(root)
	for path, want := range map[string]string{
		root: base + "/ " + base + "/file " + base + "/link", root + "/": base + "/ " + base + "/file " + base + "/link",
		root + "/.": "./ ./file ./link", root + "/link": "link",
	} {
		if got := strings.Join(names(t, packed(t, path)), " "); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if err := pack(root+"/none", io.Discard, nil); err == nil {
		t.Error("a path that is not there was packed")
	}
}

func TestUnpackRefuses(t *testing.T) {
	archive := func(headers ...tar.Header) []byte {
		var out bytes.Buffer
		writer := tar.NewWriter(&out)
		for i := range headers {
			if err := writer.WriteHeader(&headers[i]); err != nil {
				t.Fatal(err)
			}
		}
		writer.Close()
		return out.Bytes()
	}
	folder := tar.Header{Name: "a", Typeflag: tar.TypeDir, Mode: 0o755}
	file := tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o644}
	scratch := t.TempDir()
	if err := os.WriteFile(scratch+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(scratch+"/b", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(scratch+"/b/a", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path    string
		archive []byte
		want    string
	}{
		{scratch + "/x", nil, "empty or damaged"},
		{scratch + "/x", []byte(strings.Repeat("garbage!", 100)), "empty or damaged"},
		{scratch + "/file", archive(folder), "is a file"},
		{scratch + "/b", archive(file), "is a folder"},
		{scratch + "/new/", archive(file), "no such folder"},
		{scratch + "/none/new", archive(folder), "no such folder"},
		{scratch + "/x", archive(folder, tar.Header{Name: "b/c", Typeflag: tar.TypeReg}), "not below"},
		{scratch + "/y", archive(folder, tar.Header{Name: "a/../../c", Typeflag: tar.TypeReg}), "not below"},
		{scratch + "/z", archive(tar.Header{Name: "../c", Typeflag: tar.TypeReg}), "not below"},
		{scratch + "/v", archive(tar.Header{Name: "a", Typeflag: tar.TypeFifo}), "are not copied"},
	} {
		if err := unpack(c.path, bytes.NewReader(c.archive)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.path, c.want, err)
		}
	}
}

// A running program can be replaced, which writing into its file could not do.
func TestUnpackReplacesARunningProgram(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	folder := t.TempDir()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/probe", program, 0o755); err != nil {
		t.Fatal(err)
	}
	_, address := serveAgent(t)
	_, reader, conn := call(t, address, map[string]any{"op": "exec", "args": []string{folder + "/probe", "probe", "term"}})
	if _, payload, err := readFrame(reader); err != nil || string(payload) != "waiting\n" {
		t.Fatalf("%q %v", payload, err)
	}
	if err := unpack(folder, bytes.NewReader(packed(t, folder+"/probe"))); err != nil {
		t.Error(err)
	}
	conn.Close()
}

func TestCopyInContainer(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	_, address := serveAgent(t)
	root := containerFolder(t)
	if answer, _, _ := call(t, address, startRequest(root, "app", "default", "term")); answer["ok"] != true {
		t.Fatalf("start: %v", answer)
	}
	tree := sampleTree(t)
	copied := func(op, path string, input []byte) (string, string, string) {
		t.Helper()
		answer, reader, conn := call(t, address, map[string]any{"op": op, "path": path})
		if answer["ok"] != true {
			t.Fatalf("%s: %v", op, answer)
		}
		go feedAll(conn, input)
		return frames(t, reader)
	}
	if _, stderr, code := copied(copyUnpack, "/srv/tree", packed(t, tree+"/.")); code != "0" {
		t.Fatalf("unpack: %s %s", code, stderr)
	}
	if got, want := inspect(t, root+"/srv/tree"), inspect(t, tree); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back, stderr, code := copied(copyPack, "/srv/tree/.", nil)
	if code != "0" || stderr != "" || strings.Join(names(t, []byte(back)), " ") != strings.Join(names(t, packed(t, root+"/srv/tree/.")), " ") {
		t.Errorf("pack: %s %s", code, stderr)
	}
	if _, stderr, code := copied(copyPack, "/none", nil); code != "1" || !strings.Contains(stderr, "/none: no such file or directory") {
		t.Errorf("pack of nothing: %s %q", code, stderr)
	}
	for _, path := range []string{"", "relative", "/a\x00b"} {
		if answer, _, _ := call(t, address, map[string]any{"op": copyPack, "path": path}); answer["code"] != codeBadRequest {
			t.Errorf("%q: %v", path, answer)
		}
	}
}

// feedAll sends input and its end; the peer may be gone before.
func feedAll(conn net.Conn, input []byte) {
	w := &frameWriter{conn: conn.(*net.TCPConn)}
	for len(input) > 0 {
		n := len(input)
		if n > 32<<10 {
			n = 32 << 10
		}
		if w.write(frameStdin, input[:n]) != nil {
			return
		}
		input = input[n:]
	}
	w.write(frameStdin, nil)
}
