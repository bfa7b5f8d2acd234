/** What the meter of usage is told of a MicroVM's life. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WHO, World } from './fakes.js';

describe('usage', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => world.destroy());

  it('of a launch, a suspend, a resume and an end; the VMM is looked at before it goes', async () => {
    const id = await world.suspended();
    await world.microvms.resume(WHO, id);
    await world.microvms.terminate(WHO, id);
    await world.reaches(id, 'TERMINATED');
    assert.deepEqual(world.metered, ['running in 1', 'leaving, 1 running', 'suspended 4096', 'running in 1', 'leaving, 1 running', 'ended']);
  });

  it('of a failed suspend: it runs on', async () => {
    const id = await world.running();
    world.failures.set('suspend', new Error('no'));
    await world.microvms.suspend(WHO, id);
    await world.reaches(id, 'RUNNING');
    assert.deepEqual(world.metered, ['running in 1', 'leaving, 1 running', 'running in 1']);
  });

  it('of a launch that fails: it never ran', async () => {
    world.hookOutcomes.set('run', { kind: 'status', status: 500 });
    const { id } = world.microvms.run(WHO, { imageArn: world.image.imageArn });
    await world.reaches(id, 'TERMINATED');
    assert.deepEqual(world.metered.filter((told) => told.startsWith('running')), []);
  });

  it('of a new daemon: what it takes over runs on, what it finds suspended half-way is suspended', async () => {
    const runs = await world.running();
    const half = await world.running();
    world.store.updateMicrovm(half, { state: 'SUSPENDING' });
    world.suspensions.add(half);
    world.survivors.add(runs);
    world.metered.length = 0;
    world.restart();
    await world.microvms.start();
    await world.reaches(half, 'SUSPENDED');
    assert.deepEqual(world.metered.toSorted(), ['running in 1', 'suspended 0']);
  });
});
