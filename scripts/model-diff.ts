/**
 * Compares the service model of the installed SDK with the snapshot this server is tested against.
 * `+` is new in the SDK, `-` is gone from it; exits with 1 when there is either. `--write` takes a new snapshot.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { readSdkModel } from '../test/conformance/model/sdk-model.js';
import { difference, snapshotOf, snapshotPath, type Snapshot } from '../test/conformance/model/snapshot.js';

const theirs = snapshotOf(await readSdkModel());

if (process.argv.includes('--write')) {
  await writeFile(snapshotPath, `${JSON.stringify(theirs, undefined, 2)}\n`);
  process.stdout.write(`wrote ${theirs.facts.length} facts of @aws-sdk/client-lambda-microvms ${theirs.sdk}\n`);
} else {
  const ours = JSON.parse(await readFile(snapshotPath, 'utf8')) as Snapshot;
  const lines = difference(ours, theirs);
  process.stdout.write(`snapshot of ${ours.sdk}, installed ${theirs.sdk}: ${lines.length === 0 ? 'the same model' : `${lines.length} differences`}\n`);
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = lines.length === 0 ? 0 : 1;
}
