import { need, type BuildContext } from '../build-context.js';
import type { Step } from '../step.js';

/** Disk and memory, with every process the entrypoint started. Ends the VM. */
export const snapshot: Step = {
  name: 'snapshot',
  doing: 'taking the snapshot',
  async run(ctx: BuildContext) {
    const machine = need(ctx.machine, 'the booted machine');
    await machine.quiesce();
    ctx.template = await machine.vm.snapshot(ctx.folders.template);
    await machine.release();
    ctx.say(`Snapshot taken: ${ctx.template.memoryBytes} bytes of memory, ${ctx.template.diskBytes} bytes of disk.`);
  },
};
