/** The image's zip: node of this host with what it links to, the bundled application, Flask's, the Dockerfile. */
import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { ZipFile } from 'yazl';

/** Of node's libraries those that the base lacks. */
const LIBRARIES = ['libstdc++.so.6', 'libgcc_s.so.1'];

export async function protocolsZip(): Promise<Buffer> {
  const dir = import.meta.dirname;
  const zip = new ZipFile();
  for (const name of ['Dockerfile', 'flask_app.py']) zip.addBuffer(await readFile(join(dir, name)), name);
  zip.addBuffer(Buffer.from(await bundle(join(dir, 'app.ts'))), 'app.mjs');
  zip.addFile(await realpath(process.execPath), 'node', { mode: 0o100755 });
  for (const [name, path] of await librariesOfNode()) if (LIBRARIES.includes(name)) zip.addFile(await realpath(path), `lib/${name}`);
  zip.end();
  return buffer(zip.outputStream);
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry], bundle: true, platform: 'node', target: 'node20', format: 'esm', write: false, logLevel: 'error',
    // Dependencies written for CommonJS ask for node's own modules by `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    external: ['bufferutil', 'utf-8-validate'],
  });
  return outputFiles[0]?.text ?? '';
}

async function librariesOfNode(): Promise<[string, string][]> {
  const { stdout } = await promisify(execFile)('ldd', [process.execPath]);
  return [...stdout.matchAll(/=> (\/\S+)/g)].map(([, path = '']) => [basename(path), path]);
}
