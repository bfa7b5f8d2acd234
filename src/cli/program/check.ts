import { InvalidArgumentError } from 'commander';
import type { CheckFlags } from '../commands/check.js';
import type { CommonOptions } from '../context.js';
import { type Define, integer, json, port, remote } from './define.js';

function aboveZero(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Their rules are the pattern's own, whether they come from its file or from here. */
const PATTERN: readonly (readonly [flag: string, description: string])[] = [
  ['--users <n>', 'users, each with a MicroVM'], ['--days <n>', 'days a month that they come'], ['--hours-per-day <n>', 'hours of such a day'],
  ['--requests-per-hour <n>', 'requests in such an hour'], ['--activity <s>', 'seconds that a request keeps the MicroVM busy'],
  ['--max-idle <s>', 'idle policy: seconds until it is suspended'], ['--suspended <s>', 'idle policy: seconds until a suspended one is terminated'],
];

export const defineCheck: Define = (program, runtime) => {
  const command = remote(json(program.command('check'))).argument('<image>', 'image, by name, name:version, or ARN')
    .summary('try this platform with your image: speed, idle cost, boundary, cleanup')
    .description('Runs MicroVMs of an image, measures and tries them, ends them, and reports (docs/check.md). Exit code 1 when something\nfailed or nothing could be checked.')
    .option('--image-version <version>', 'not the latest active one')
    .option('--port <port>', 'of the application', port, 8080).option('--path <path>', 'where a GET answers 200 once the application is up', '/')
    .option('--only <sections>', 'some of speed,idle,boundary,cleanup')
    .option('--execution-role <arn>', 'role of its MicroVMs').option('--payload-file <file>', 'runHookPayload of its MicroVMs')
    .option('-n, --rounds <count>', 'launches and resumes that are measured', integer(1, 1000), 10)
    .option('--max-launch <ms>', 'fail when the 90th percentile is above', aboveZero).option('--max-resume <ms>', 'the same of a resume', aboveZero)
    .option('--pattern <file>', 'usage pattern, YAML or JSON; the following go over its members');
  for (const [flag, description] of PATTERN) command.option(flag, description, number);
  command.option('--watch <s>', 'how long an idle MicroVM is watched', integer(1, 3600), 15)
    .option('--output <file>', 'the report as JSON there too').option('--html <file>', 'the report as a page with charts')
    .action(async (image: string, options: CheckFlags & CommonOptions) => {
      const { check } = await import('../commands/check.js');
      runtime.exit(await check(runtime.context(options), image, options, runtime.interrupted()));
    });
};
