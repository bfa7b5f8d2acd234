/** Debian's nginx: the upstream of both proxies, and the proxy ours is measured against. One worker each, on a CPU of its own choice. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface Nginx {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** About what a small JSON answer takes, bytes. */
const BODY = JSON.stringify({ items: Array.from({ length: 4 }, (_, id) => ({ id, name: `item ${id}` })) });

export function upstreamServer(port: number): string {
  return `server { listen 127.0.0.1:${port}; location / { default_type application/json; return 200 '${BODY}'; } }`;
}

/** Keep-alive to the upstream, as ours has it. */
export function tlsProxy(port: number, upstreamPort: number, certFile: string, keyFile: string): string {
  return `upstream app { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${port} ssl;
      ssl_certificate ${certFile}; ssl_certificate_key ${keyFile}; ssl_protocols TLSv1.3;
      location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }
    }`;
}

export async function startNginx(dir: string, cpu: number, port: number, server: string): Promise<Nginx> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'nginx.conf'), `
    worker_processes 1; daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 1000000000; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
      ${server}
    }`);
  const child = spawn('taskset', ['-c', String(cpu), 'nginx', '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], { stdio: 'inherit' });
  await accepts(port, child);
  return {
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with code ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const up = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    socket.destroy();
    if (up) return;
    await pause(20);
  }
}

/** One that was free a moment ago: nginx cannot be asked which it took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
