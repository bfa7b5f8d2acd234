import { InvalidArgumentError } from 'commander';
import type { CheckCommandOptions } from '../commands/check.js';
import { type Define, integer, json, port, remote } from './define.js';

const SECTIONS = ['speed', 'idle', 'boundary', 'cleanup'] as const;
type Section = (typeof SECTIONS)[number];

export const defineCheck: Define = (program, runtime) => {
  const command = remote(json(program.command('check'))).argument('<image>', 'image by name, beginning of it, or ARN; name:version for one version')
    .summary('try this platform with your image: speed, idle cost, tenants\' boundary, cleanup')
    .description('Runs MicroVMs of an image, measures and tries them, ends them, and reports (docs/check.md).\nExit code 1 when something failed or could not be checked. Ctrl-C ends all it made.')
    .option('--port <port>', 'port at which the application answers', port, 8080)
    .option('--path <path>', 'page that answers 200 once it is up', absolute, '/')
    .option('--only <sections>', `some of ${SECTIONS.join(',')}`, sections, SECTIONS)
    .option('--execution-role <arn>', 'role that RunMicrovm of the image needs').option('--payload-file <file>', 'payload of its /run hook')
    .option('--html <file>', 'write the report as a page with charts').option('--output <file>', 'write the report as JSON, besides what is printed');
  command.optionsGroup('Speed:')
    .option('-n, --rounds <n>', 'launches and resumes that are measured', integer(1, 1000), 10)
    .option('--max-launch <ms>', 'fail when the 90th percentile of launches is above', number).option('--max-resume <ms>', 'the same of resumes', number);
  command.optionsGroup('Usage, for a month\'s cost:')
    .option('--pattern <file>', 'YAML or JSON with the members below as in docs/check.md; these go over it').option('--users <n>', 'people, each with a MicroVM', number)
    .option('--days <n>', 'days with requests, of 30', number).option('--hours-per-day <n>', 'hours with requests, of those', number).option('--requests-per-hour <n>', 'of one of them', number)
    .option('--activity <seconds>', 'how long a request keeps it busy', number).option('--max-idle <seconds>', 'idle until it is suspended', number)
    .option('--suspended <seconds>', 'suspended until it ends', number).option('--watch <seconds>', 'how long an idle MicroVM is watched', integer(1, 3600), 15);
  command.action(async (image: string, options: CheckCommandOptions) => {
    const { check } = await import('../commands/check.js');
    runtime.exit(await check(runtime.context(options), image, options, runtime.interrupted()));
  });
};

function sections(text: string): readonly Section[] {
  const names = text.split(',').map((name) => name.trim());
  const known = SECTIONS.filter((name) => names.includes(name));
  if (names.some((name) => !(SECTIONS as readonly string[]).includes(name))) throw new InvalidArgumentError(`It must be some of ${SECTIONS.join(',')}.`);
  return known;
}

function absolute(path: string): string {
  if (!path.startsWith('/')) throw new InvalidArgumentError('It must begin with /.');
  return path;
}

function number(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}
