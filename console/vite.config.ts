/** Builds the console's front end to dist/console-site, compressed as it is served (src/console/files.ts). */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const out = here('../dist/console-site');

/** What the bundle holds of others: their licences ask that the notice goes with it. */
const BUNDLED = ['preact', '@xterm/xterm', '@xterm/addon-fit'];

function notices(): Plugin {
  return {
    name: 'notices',
    async generateBundle() {
      const texts = await Promise.all(BUNDLED.map(async (name) => `${name}\n\n${await readFile(here(`../node_modules/${name}/LICENSE`), 'utf8')}`));
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n----\n\n') });
    },
  };
}

function compressed(): Plugin {
  const brotli = promisify(brotliCompress);
  return {
    name: 'compressed',
    async closeBundle() {
      const names = (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      await Promise.all(names.filter((name) => /\.(js|css|html|svg|txt)$/.test(name)).map(async (name) => {
        const bytes = await readFile(name);
        await writeFile(`${name}.br`, await brotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
        await writeFile(`${name}.gz`, await promisify(gzip)(bytes, { level: 9 }));
      }));
    },
  };
}

export default defineConfig({
  root: here('.'),
  base: '/console/',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: out,
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy knows no data: URLs and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [notices(), compressed()],
});
