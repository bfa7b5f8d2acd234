/** Every command block of the documents is run by test/integration/docs.test.ts, or says why not. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { type Block, isCommands, pages, parsePage } from '../../support/docs/blocks.js';
import { compare, scriptOf } from '../../support/docs/script.js';

const WORDS = 3;

for (const page of await pages()) {
  test(`${page.path}: commands are run, or marked with the reason why not`, () => {
    const at = (block: Block): string => `${page.path}:${block.line}`;
    assert.deepEqual(page.blocks.filter((block) => block.language === 'text' && block.lines.some((line) => line.startsWith('$ '))).map(at), [], 'commands are labelled sh or console');
    assert.deepEqual(page.blocks.filter((block) => block.notRun !== undefined && block.notRun.split(' ').length < WORDS).map(at), [], 'a reason is more than a word');
    assert.deepEqual(page.strays.map((line) => `${page.path}:${line}`), [], 'this comment belongs to no block of commands right below it');
    assert.deepEqual(page.blocks.filter((block) => isCommands(block) && block.notRun === undefined && block.lines.some((line) => /<[a-zA-Z][\w -]*>/.test(line) && !line.includes('<<'))).map(at), [], 'a block with <placeholders> cannot be run');
  });
}

test('some blocks are run at all', async () => {
  const blocks = (await pages()).flatMap((page) => page.blocks.filter(isCommands));
  assert.ok(blocks.filter((block) => block.notRun === undefined).length >= 5);
});

describe('blocks of a page', () => {
  const page = (...lines: string[]) => parsePage('page.md', lines.join('\n'));

  it('are found with label, line and content', () => {
    const { blocks, strays } = page('# Title', '', '```sh', 'echo 1', '', 'echo 2', '```', '- item', '  ```json', '  {', '    "a": 1', '  }', '  ```');
    assert.deepEqual(blocks, [{ line: 3, language: 'sh', lines: ['echo 1', '', 'echo 2'] }, { line: 9, language: 'json', lines: ['{', '  "a": 1', '}'] }]);
    assert.deepEqual(strays, []);
  });

  it('are marked by the comment right before them alone', () => {
    const { blocks, strays } = page('<!-- not run: needs a second', 'host -->', '', '```sh', 'ssh other', '```', '```sh', 'true', '```', '<!-- not run: for nothing at all -->', 'text', '```sh', 'true', '```');
    assert.deepEqual(blocks.map((block) => block.notRun), ['needs a second host', undefined, undefined]);
    assert.deepEqual(strays, [10]);
  });

  it('have a script of their own before them', () => {
    const { blocks } = page('<!-- run first', 'ID=1', 'NAME=2', '-->', '```sh', 'echo $ID', '```');
    assert.equal(blocks[0]?.first, 'ID=1\nNAME=2\n');
  });

  it('a comment that is none of the two is told', () => {
    assert.deepEqual(page('<!-- not run -->', '```sh', 'true', '```').strays, [1]);
    assert.deepEqual(page('<!-- not run: at the end of the page -->').strays, [1]);
    assert.deepEqual(page('<!-- not run: JSON is never run -->', '```json', '{}', '```').strays, [1]);
    assert.throws(() => page('```sh', 'true'), /page\.md:1: this block has no end/);
  });

  it('without a label look like commands or not', () => {
    const looks = (...lines: string[]): boolean => isCommands({ line: 1, language: '', lines });
    for (const line of ['npx tardigrade env', '$ curl https://x', 'A=1 npm start', 'eval "$(x)"']) assert.ok(looks(line), line);
    for (const line of ['PENDING ─▶ RUNNING', '{ "npm": 1 }', 'src/api/   AWS wire']) assert.ok(!looks(line), line);
  });
});

describe('the script of a page', () => {
  const block = (language: string, ...lines: string[]): Block => ({ line: 1, language, lines });

  it('takes commands of a console block by their prompt, also over several lines', () => {
    const { steps } = scriptOf([block('console', '$ echo a \\', '    b', 'a b', '$ true')]);
    assert.deepEqual(steps.map(({ command, expected }) => [command, expected]), [['echo a \\\n    b', ['a b']], ['true', []]]);
  });

  it('compares output line by line, with … for what varies', () => {
    assert.equal(compare(['id …, ok', '…', 'end'], 'id 4711, ok\nfirst\nsecond\nend\n'), undefined);
    assert.equal(compare([], 'whatever\n'), undefined);
    assert.match(compare(['id …'], 'other\n') ?? '', /id …/);
    assert.match(compare(['a', 'b'], 'a\n') ?? '', /b/);
    assert.match(compare(['a'], 'a\nb\n') ?? '', /b/);
  });
});
