/** Our Go programs: each module, what it requires, and the standard library that is compiled into it. */
import { basename } from 'node:path';
import { run } from '../../src/assets/shell.js';
import { PART, type Component } from './cyclonedx.js';

export async function goComponents(moduleDir: string, version: string): Promise<Component[]> {
  const part = basename(moduleDir);
  const listed = await run('go', ['list', '-m', '-f', '{{.Path}} {{.Version}}', 'all'], { cwd: moduleDir, env: { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' } });
  const compiler = (await run('go', ['env', 'GOVERSION'])).trim().replace(/^go/, '');
  return modulesOf(listed, version, compiler, part);
}

/** `listed`: a line for each module, path and version; our own, the first, has no version. */
export function modulesOf(listed: string, version: string, compiler: string, part: string): Component[] {
  const [own = '', ...required] = listed.trim().split('\n');
  return [
    component(own.trim(), version, part, 'application'),
    ...required.map((line) => line.split(' ')).map(([path = '', itsVersion = '']) => component(path, itsVersion, part, 'library')),
    component('std', compiler, part, 'library'),
  ];
}

function component(path: string, version: string, part: string, type: Component['type']): Component {
  const purl = `pkg:golang/${path}@${version}`;
  return { 'bom-ref': purl, type, name: path, version, purl, properties: [{ name: PART, value: part }] };
}
