/** A built container's layers become one file system: what a MicroVM has is what the last line of its Dockerfile saw. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { buildImage, READY_ON_8080, zipFiles } from './support/images.js';
import { runVm } from './support/microvms.js';
import { closeShared, sharedService } from './support/service.js';

/** Tells all there is below some folders, contents where the layers differ, in the build with an argument and else over HTTP. */
const LISTING = `
import hashlib, http.server, json, os, stat, sys
SHARED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")  # the builder's own while it builds
def told(path):
    s = os.lstat(path)
    kind = stat.S_IFMT(s.st_mode)
    known = [path, oct(s.st_mode), s.st_uid, s.st_gid, int(s.st_mtime)]
    if kind == stat.S_IFLNK: known += [os.readlink(path)]
    elif kind in (stat.S_IFCHR, stat.S_IFBLK): known += [s.st_rdev]
    elif kind == stat.S_IFREG: known += [s.st_size, hashlib.sha256(open(path, "rb").read()).hexdigest() if path.startswith(("/case/", "/etc/", "/usr/bin/perl")) and s.st_size < 1 << 23 else ""]
    if kind in (stat.S_IFREG, stat.S_IFDIR): known += [sorted((name, os.getxattr(path, name).hex()) for name in os.listxattr(path))]
    return known
def listing():
    for top in ("/case", "/etc", "/usr/bin", "/usr/share", "/srv", "/opt", "/var/lib"):
        yield told(top)
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                path = os.path.join(folder, name)
                if path not in SHARED: yield told(path)
def everything():
    return sorted(listing(), key=lambda known: known[0])
if len(sys.argv) > 1:
    with open(sys.argv[1], "w") as file: json.dump(everything(), file)
    sys.exit()
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"built": json.load(open("/built.json")), "has": everything(), "linked": os.path.samefile("/case/hard-b", "/case/kept/hard-c")}).encode()
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):  # the ready hook
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), H).serve_forever()
`;

const FIRST = `set -e
mkdir -p /case/opaque/deep /case/gone/deep /case/folder-then-file/deep /case/link-target /case/kept /case/attributes
touch /case/opaque/old /case/opaque/deep/old /case/gone/deep/file /case/folder-then-file/deep/file /case/file-then-folder /case/link-target/file
ln -s link-target /case/link-then-folder
ln -s /etc/passwd /case/link-then-file
echo one >/case/hard-a; ln /case/hard-a /case/hard-b; ln /case/hard-a /case/kept/hard-c
python3 - <<'PY'
import os
for name in ["new\\nline", "tab\\there", "back\\\\slash", "-dash", "spaces  in it", "quote'\\"", "\\xff-no-utf8", "%percent", "trailing\\n"]:
    raw = b"/case/odd/" + name.encode("latin-1")
    os.makedirs(raw); open(raw + b"/file", "w").close(); open(raw + b"/kept", "w").close()
os.setxattr("/case/attributes", "user.colour", b"blue")
PY
truncate -s 100M /case/sparse
mkfifo /case/fifo; mknod /case/null c 1 3; mknod /case/null-then-gone c 1 3
cp /bin/true /case/setuid; chown 1234:5678 /case/setuid; chmod 6755 /case/setuid
`;

const SECOND = `set -e
rm -r /case/opaque && mkdir -m 0711 /case/opaque && touch /case/opaque/new
rm -r /case/gone /case/null-then-gone
rm -r /case/folder-then-file && echo file >/case/folder-then-file
rm /case/file-then-folder && mkdir /case/file-then-folder && touch /case/file-then-folder/inside
rm /case/link-then-folder && mkdir /case/link-then-folder && touch /case/link-then-folder/inside
rm /case/link-then-file && echo mine >/case/link-then-file
echo two >>/case/hard-a
python3 - <<'PY'
import os, shutil
for name in os.listdir(b"/case/odd"):
    os.remove(b"/case/odd/" + name + b"/file")
    if name.startswith((b"new", b"back", b"%")):
        shutil.rmtree(b"/case/odd/" + name); os.mkdir(b"/case/odd/" + name); open(b"/case/odd/" + name + b"/after", "w").close()
PY
# Of the base: one name of a file with two, a file, a folder, and what is new in one.
echo changed >>/usr/bin/perl
rm /etc/debian_version
rm -r /usr/share/perl5 && mkdir /usr/share/perl5
rm -r /etc/apt && echo a file >/etc/apt
touch -d 2001-02-03 /usr/share/new
`;

const THIRD = `set -e
mkdir /case/gone && touch /case/gone/again
rm /case/file-then-folder/inside
rm -r /case/link-then-folder
`;

const DOCKERFILE = `
FROM tardigrade/base:12
COPY *.sh list.py /
RUN sh /first.sh
RUN sh /second.sh
RUN sh /third.sh
RUN python3 /list.py /built.json
CMD ["python3", "/list.py"]
`;

describe('layers of a build', () => {
  after(() => closeShared());

  it('become one file system, of which nothing is lost and in which nothing comes back', async () => {
    const service = await sharedService();
    const files = { Dockerfile: DOCKERFILE, 'list.py': LISTING, 'first.sh': FIRST, 'second.sh': SECOND, 'third.sh': THIRD };
    const outcome = await buildImage(service, 'layers', await service.upload('layers.zip', await zipFiles(files)), { hooks: READY_ON_8080 });
    assert.equal(outcome.state, 'CREATED', `${outcome.build.stateReason ?? ''}\n${outcome.log}`);
    const vm = await runVm(service, outcome.imageArn);
    const answer = await vm.http.send('/');
    await vm.terminate();
    const { built, has, linked } = JSON.parse(answer.body) as Record<'built' | 'has', readonly (readonly [string, ...unknown[]])[]> & { linked: boolean };
    assert.ok(linked, 'two names of one file');
    const lines = (listing: typeof built): Set<string> => new Set(listing.map((known) => JSON.stringify(known)));
    const [wanted, found] = [lines(built), lines(has)];
    assert.deepEqual([...found].filter((line) => !wanted.has(line)), [], 'there, and not built');
    assert.deepEqual([...wanted].filter((line) => !found.has(line)), [], 'built, and not there');
    const names = new Set(has.map(([path]) => path));
    for (const [path, there] of Object.entries({ '/case/opaque/new': true, '/case/opaque/old': false, '/case/gone/again': true, '/case/gone/deep': false, '/case/link-then-folder': false, '/etc/debian_version': false })) {
      assert.equal(names.has(path), there, path);
    }
    assert.ok(built.length > 1000, `${built.length} names`);
  });
});
