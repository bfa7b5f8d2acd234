/** What the examples' clients share: the AWS SDK, one image, MicroVMs of it, and that nothing is left of them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type CreateMicrovmImageCommandInput, CreateMicrovmAuthTokenCommand, CreateMicrovmImageCommand, CreateMicrovmShellAuthTokenCommand, DeleteMicrovmImageCommand, GetMicrovmCommand,
  GetMicrovmImageCommand, LambdaMicrovmsClient, ListMicrovmImageBuildsCommand, ResourceNotFoundException, RunMicrovmCommand, type RunMicrovmCommandInput, SuspendMicrovmCommand, TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { endpointClient, type EndpointClient } from '../quickstart/endpoint.js';
import { zipFolder } from '../quickstart/zip.js';

const ROLE = 'arn:aws:iam::000000000000:role/example';
const POLL_MS = 50;

export interface Vm {
  readonly id: string;
  /** `<host>` or `<host>:<port>`. */
  readonly endpoint: string;
  /** To the application on port 8080. */
  readonly http: EndpointClient;
  /** A token for its ports, or for its shell. */
  token(kind: 'application' | 'shell'): Promise<string>;
  suspend(): Promise<void>;
  state(): Promise<string>;
  terminate(): Promise<void>;
}

export class Example {
  readonly region = process.env['AWS_REGION'] ?? 'us-east-1';
  readonly microvms = new LambdaMicrovmsClient({});
  readonly #s3 = new S3Client({ forcePathStyle: true });
  readonly #running = new Set<Vm>();
  readonly #started = performance.now();
  #image: string | undefined;

  constructor(private readonly name: string) {}

  say(text: string): void {
    console.log(`${((performance.now() - this.#started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  }

  /** Builds `examples/apps/<folder>`; `hooks` as CreateMicrovmImage takes them. The snapshot is taken when `/ready` answers 200. */
  async build(folder: string, { port, run = false, memoryMiB = 512 }: { port: number; run?: boolean; memoryMiB?: number }): Promise<void> {
    const name = `${this.name}-${randomUUID().slice(0, 8)}`;
    const zip = await zipFolder(fileURLToPath(new URL(`../apps/${folder}`, import.meta.url)));
    const object = { Bucket: name, Key: 'app.zip' };
    await this.#s3.send(new CreateBucketCommand({ Bucket: name }));
    await this.#s3.send(new PutObjectCommand({ ...object, Body: zip }));
    const hooks: CreateMicrovmImageCommandInput['hooks'] = {
      port, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 300 }, ...(run ? { microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 30 } } : {}),
    };
    const { imageArn = '' } = await this.microvms.send(new CreateMicrovmImageCommand({
      name, baseImageArn: `arn:aws:lambda:${this.region}:aws:microvm-image:al2023-1`, buildRoleArn: ROLE, codeArtifact: { uri: `s3://${name}/app.zip` },
      resources: [{ minimumMemoryInMiB: memoryMiB }], hooks,
    }));
    this.#image = imageArn;
    try {
      await this.#built(imageArn);
    } finally {
      await this.#s3.send(new DeleteObjectCommand(object));
      await this.#s3.send(new DeleteBucketCommand({ Bucket: name }));
    }
    this.say(`image ${name} is built`);
  }

  async run(more: Partial<RunMicrovmCommandInput> = {}): Promise<Vm> {
    const answer = await this.microvms.send(new RunMicrovmCommand({
      imageIdentifier: this.#image, idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: true }, ...more,
    }));
    const { microvmId: id = '', endpoint = '' } = answer;
    const microvm = { microvmIdentifier: id };
    const token = async (kind: 'application' | 'shell'): Promise<string> => {
      const { authToken } = kind === 'shell'
        ? await this.microvms.send(new CreateMicrovmShellAuthTokenCommand({ ...microvm, expirationInMinutes: 15 }))
        : await this.microvms.send(new CreateMicrovmAuthTokenCommand({ ...microvm, expirationInMinutes: 15, allowedPorts: [{ port: 8080 }] }));
      return authToken?.['X-aws-proxy-auth'] ?? '';
    };
    const http = endpointClient(endpoint, process.env['TARDIGRADE_CA_FILE'], await token('application'));
    const state = async (): Promise<string> => (await this.microvms.send(new GetMicrovmCommand(microvm))).state ?? '';
    const reaches = async (wanted: string): Promise<void> => {
      for (let now = await state(); now !== wanted; now = await state()) {
        if (now === 'TERMINATED') throw new Error(`${id} ended instead of becoming ${wanted}`);
        await pause(POLL_MS);
      }
    };
    const vm: Vm = {
      id, endpoint, http, token, state,
      suspend: async () => {
        await this.microvms.send(new SuspendMicrovmCommand(microvm));
        await reaches('SUSPENDED');
      },
      terminate: async () => {
        http.close();
        await this.microvms.send(new TerminateMicrovmCommand(microvm));
        await reaches('TERMINATED');
        this.#running.delete(vm);
      },
    };
    this.#running.add(vm);
    return vm;
  }

  /** Ends what is still there. */
  async end(): Promise<void> {
    for (const vm of [...this.#running]) await vm.terminate();
    if (this.#image !== undefined) await this.#remove(this.#image);
  }

  async #remove(imageIdentifier: string): Promise<void> {
    await this.microvms.send(new DeleteMicrovmImageCommand({ imageIdentifier }));
    for (;;) {
      try {
        await this.microvms.send(new GetMicrovmImageCommand({ imageIdentifier }));
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return;
        throw error;
      }
      await pause(POLL_MS);
    }
  }

  async #built(imageIdentifier: string): Promise<void> {
    for (;;) {
      const { state } = await this.microvms.send(new GetMicrovmImageCommand({ imageIdentifier }));
      if (state === 'CREATED') return;
      if (state !== 'CREATING') {
        const { items } = await this.microvms.send(new ListMicrovmImageBuildsCommand({ imageIdentifier, imageVersion: '1.0' }));
        throw new Error(`the image is ${state ?? 'gone'}: ${items?.[0]?.stateReason ?? 'no reason given'}`);
      }
      await pause(POLL_MS * 5);
    }
  }
}

/** Runs an example, ends what it left whatever happens, and says at the end that it worked; else the exit code is 1. */
export async function example(name: string, body: (example: Example) => Promise<void>): Promise<void> {
  if (process.env['AWS_ENDPOINT_URL'] === undefined) {
    console.error('AWS_ENDPOINT_URL is not set: start the service (npm start), then eval "$(npx tardigrade env)" here');
    process.exit(1);
  }
  const it = new Example(name);
  try {
    await body(it);
  } finally {
    await it.end();
  }
  it.say('it worked, and nothing is left');
}
