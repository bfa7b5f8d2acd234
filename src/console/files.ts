/**
 * The built front end, read once into memory: only what the build made can be named, so no path leads elsewhere. Files
 * are sent as the build compressed them.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative } from 'node:path';
import { isMissing } from '../files/private-files.js';
import { sendRefusal } from './respond.js';

interface StoredFile {
  readonly type: string;
  /** By content coding; `identity` is always there. */
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** Its name has the hash of its content. */
  readonly immutable: boolean;
}

/** By path below the console's, without a leading slash. Empty: the front end was not built. */
export type SiteFiles = ReadonlyMap<string, StoredFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};
/** Best first. */
const CODINGS = [['br', '.br'], ['gzip', '.gz']] as const;
const PAGE = 'index.html';

export async function loadSite(folder: string): Promise<SiteFiles> {
  const names = await filesIn(folder);
  const known = new Set(names);
  const originals = names.filter((name) => extname(name) in TYPES);
  const entries = originals.map(async (name): Promise<[string, StoredFile]> => {
    const compressed = CODINGS.filter(([, suffix]) => known.has(`${name}${suffix}`));
    const variants = [['identity', ''] as const, ...compressed].map(async ([coding, suffix]): Promise<[string, Buffer]> => [coding, await readFile(join(folder, `${name}${suffix}`))]);
    return [name, { type: TYPES[extname(name)] ?? '', bytes: new Map(await Promise.all(variants)), immutable: name.startsWith('assets/') }];
  });
  return new Map(await Promise.all(entries));
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** A path that is no file's is a page of the application, which it finds itself; but nothing below assets/ is. */
export function serveFile(files: SiteFiles, path: string, request: IncomingMessage, response: ServerResponse): void {
  const file = files.get(path) ?? (path.startsWith('assets/') ? undefined : files.get(PAGE));
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendRefusal(response, { status: 405, code: 'MethodNotAllowed', message: `files of the console are read with GET; this is ${request.method ?? ''}`, headers: { allow: 'GET, HEAD' } });
  }
  if (files.size === 0) return sendRefusal(response, { status: 503, code: 'ConsoleNotBuilt', message: 'the console was not built: run npm run build, then start the service again' });
  if (file === undefined) return sendRefusal(response, { status: 404, code: 'NotFound', message: 'the console has no such file: after an update, load the page again' });
  const [coding, bytes] = pick(file, request.headers['accept-encoding'] ?? '');
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': bytes.length,
    vary: 'accept-encoding',
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function pick({ bytes }: StoredFile, accepted: string): [string, Buffer] {
  const wanted = accepted.split(',').map((part) => part.trim().split(';').map((word) => word.trim().toLowerCase()));
  const takes = (coding: string): boolean => wanted.some(([name, quality]) => name === coding && !/^q=0(\.0*)?$/.test(quality ?? ''));
  const coding = CODINGS.map(([name]) => name).find((name) => bytes.has(name) && takes(name)) ?? 'identity';
  return [coding, bytes.get(coding) ?? Buffer.alloc(0)];
}
