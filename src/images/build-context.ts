/** What the steps of a build share: what they were given, what each leaves to the next, and what must be released. */
import type { Logger } from 'pino';
import type { ObjectReader } from '../aws/contracts.js';
import type { BuiltContainer, ContainerBuilder } from '../builder/contracts.js';
import type { Clock } from '../clock/index.js';
import type { ConnectorCatalog } from '../connectors/contracts.js';
import type { Engine, TemplateInfo, Vm } from '../engine/contracts.js';
import { Fault } from '../errors/index.js';
import type { BuildStepEvent } from '../events/contracts.js';
import type { GuestAgent } from '../guest/contracts.js';
import type { CallHook } from '../hooks/contracts.js';
import type { LinkPool } from '../network/contracts.js';
import type { SnapshotSizes } from '../store/contracts.js';
import type { BuildLog } from './build-log.js';
import type { VersionFolders } from './folders.js';
import type { BuildLimits } from './limits.js';
import type { Machine } from './machine.js';
import type { BuildTask } from './task.js';

export interface BuildDeps {
  readonly builder: ContainerBuilder;
  readonly engine: Pick<Engine, 'boot' | 'launch'>;
  readonly links: Pick<LinkPool, 'acquire'>;
  /** The agent of a VM. */
  readonly agentFor: (vm: Vm) => GuestAgent;
  readonly connectors: Pick<ConnectorCatalog, 'egressOf'>;
  readonly callHook: CallHook;
  readonly objects: ObjectReader;
  readonly clock: Clock;
  readonly region: string;
  readonly hostCpus: number;
  readonly limits: BuildLimits;
  readonly logger: Logger;
  /** Told of each step as it begins, `build-<step>`, and of `build-done`; the build goes on when it resolves. Default: nobody. */
  readonly observe?: (step: string, buildId: string) => void | Promise<void>;
  /** Told of each step as it begins and as it ends; must not throw. Default: nobody. */
  readonly stepChanged?: (step: BuildStepEvent) => void;
}

export class BuildContext {
  /** Name of the step at work. */
  step = 'queue';
  /** The zip. By `fetch`. */
  archive?: string;
  /** Its disk in the version's final folder. By `build`. */
  built?: BuiltContainer;
  /** The booted VM with the application in it. By `boot`, ended by `snapshot`. */
  machine?: Machine;
  /** Last line of the application's output that is in the log: the clone repeats those before. */
  lastSeq = 0;
  /** By `snapshot`. */
  template?: TemplateInfo;

  private readonly machines: Machine[] = [];

  constructor(
    readonly task: BuildTask,
    readonly deps: BuildDeps,
    readonly folders: VersionFolders,
    readonly log: BuildLog,
    /** Aborts with the BuildFailure that the build then ends with. */
    readonly signal: AbortSignal,
  ) {}

  say(text: string): void {
    this.log.line(this.step, text);
  }

  /** From here on the context releases it, if its step does not. */
  own(machine: Machine): Machine {
    this.machines.push(machine);
    return machine;
  }

  /** Never rejects; what cannot be released is reported to the operator. */
  async releaseAll(): Promise<void> {
    for (const machine of this.machines) {
      await machine.release().catch((error: unknown) => {
        this.deps.logger.error({ err: error, build: this.task.buildId, vm: machine.vm.id }, 'a VM of a build could not be released');
      });
    }
  }

  /** As AWS shows them: all on success, the code's size after a failed hook, none when the container did not build. */
  sizes(): SnapshotSizes | undefined {
    return this.built === undefined ? undefined : { codeInstallSizeInBytes: this.built.installBytes };
  }
}

/** What an earlier step left; its absence is ours to fix. */
export function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Fault(`a step of the build ran without ${what}`);
  return value;
}
