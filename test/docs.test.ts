/**
 * Documents go stale in silence. What they name has to exist, and what an operator or a user must know has to be named:
 * a setting, a script, a log event, a field. The receiver that the README shows has to accept what we sign.
 */
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { CHAINS } from '../src/chain/chains.ts';
import { EVENT_FIELDS, FIELD_ALIASES } from '../src/chain/events.ts';
import { readConfig } from '../src/env.ts';
import { newSigningSecret, signatureHeaders } from '../src/outbound/signature.ts';
import { FIELD_KINDS } from '../src/triggers/matching/field-kinds.ts';

const README = await readFile('README.md', 'utf8');
const OPERATIONS = await readFile('docs/operations.md', 'utf8');

/** The files of a folder and the folders in it that have this ending. */
const filesIn = async (folder: string, ending: string) =>
  (await readdir(folder, { recursive: true }))
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path));

const DOCUMENTS = ['README.md', ...(await filesIn('docs', '.md'))];

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

const sorted = (items: Iterable<string>) => [...new Set(items)].sort();

const groups = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, group = '']) => group);

/** The rows of every table whose head begins with this cell. */
function rowsBelow(document: string, head: string): string[][] {
  const lines = document.split('\n');
  const rows: string[][] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith(`| ${head} |`)) continue;
    for (let at = index + 2; lines[at]?.startsWith('|'); at++) {
      const cells = (lines[at] ?? '').split('|').slice(1, -1);
      rows.push(cells.map((cell) => cell.trim()));
    }
  }
  return rows;
}

const inCode = (cell = '') => groups(cell, /`([^`]+)`/g);

const SETTINGS = rowsBelow(README, 'name');

it.each(DOCUMENTS)('%s names only paths that exist', async (document) => {
  const text = await readFile(document, 'utf8');
  const named = groups(text, /(?<![\w./-])((?:src|scripts|test|docs|drizzle|\.ci)\/[\w./-]*[\w/])/g);
  const linked = groups(text, /\]\(([^)#:]+)(?:#[^)]*)?\)/g).map((target) => join(dirname(document), target));
  const gone: string[] = [];
  for (const path of sorted([...named, ...linked])) if (!(await exists(path))) gone.push(path);
  expect(gone).toEqual([]);
});

it.each(DOCUMENTS)('%s links only to headings that exist', async (document) => {
  const text = await readFile(document, 'utf8');
  const missing: string[] = [];
  for (const [, target = '', anchor = ''] of text.matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)) {
    const page = target === '' ? text : await readFile(join(dirname(document), target), 'utf8');
    const anchors = groups(page, /^#+ (.+)$/gm).map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
    if (!anchors.includes(anchor)) missing.push(`${target}#${anchor}`);
  }
  expect(missing).toEqual([]);
});

it('lists the settings of the Worker and of the development stack, all of them and no others', async () => {
  const env = await readFile('src/env.ts', 'utf8');
  const stack = await readFile('scripts/stack/settings.ts', 'utf8');
  const schema = /const schema = z\.object\(\{([\s\S]*?)\n\}\);/.exec(env)?.[1] ?? '';
  const read = [
    ...groups(schema, /^ {2}([A-Z][A-Z0-9_]*):/gm),
    ...groups(env, /perChain\(raw, '([A-Z_]+)'/g).map((prefix) => `${prefix}_<chain id>`),
    ...groups(stack, /env\['([A-Z_]+)'\]/g),
    ...groups(stack, /readPort\(env, '([A-Z_]+)'/g),
  ];
  expect(read.length).toBeGreaterThan(10);
  expect(sorted(SETTINGS.flatMap(([name]) => inCode(name)))).toEqual(sorted(read));
});

it('marks as required exactly the settings without which the Worker refuses to serve', () => {
  let message = '';
  try {
    readConfig({});
  } catch (error) {
    message = String(error);
  }
  const required = SETTINGS.filter((row) => row[3] === 'yes').flatMap(([name]) => inCode(name));
  expect(sorted(required)).toEqual(sorted(groups(message, /\b([A-Z][A-Z0-9_]+): /g)));
});

it('tells the chains as they are shipped', () => {
  const shipped = CHAINS.map(({ name, id, confirmations, pollMs, startBlock }) =>
    [name, id, confirmations, pollMs, startBlock ?? 'found'].map(String),
  );
  expect(rowsBelow(README, 'chain')).toEqual(shipped);
});

it('lists every field of events under its kind, with the operators of that kind', () => {
  const kinds: Record<string, readonly string[]> = {
    numbers: ['integer', 'decimal'],
    time: ['timestamp'],
    text: ['text'],
    addresses: ['address'],
    hashes: ['hash'],
  };
  const rows = new Map(
    rowsBelow(README, 'fields').map(([fields = '', operators]) => [fields.split(':')[0], { fields, operators }]),
  );
  expect([...rows.keys()]).toEqual(Object.keys(kinds));
  for (const [label, { fields }] of rows) {
    const ofKind = Object.entries(EVENT_FIELDS).filter(([, kind]) => kinds[label ?? '']?.includes(kind));
    expect(sorted(inCode(fields)), label).toEqual(sorted(ofKind.map(([name]) => name)));
  }
  const named = (label: string) => inCode(rows.get(label)?.operators).filter((name) => /^[a-z_]{2,}$/.test(name));
  expect(named('numbers')).toEqual(FIELD_KINDS.integer.operators);
  expect(named('text').slice(0, FIELD_KINDS.text.operators.length)).toEqual(FIELD_KINDS.text.operators);
  for (const alias of Object.keys(FIELD_ALIASES)) expect(README).toContain(`\`${alias}\``);
});

it('lists every script of package.json that a person runs', async () => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
  const listed = rowsBelow(README, 'command').map(([command]) => inCode(command)[0]?.replace(/^npm (run )?/, ''));
  expect(listed.sort()).toEqual(
    Object.keys(scripts)
      .filter((name) => name !== 'prepare')
      .sort(),
  );
});

it('explains every event of the log, and none that is never written', async () => {
  const sources = await Promise.all((await filesIn('src', '.ts')).map((path) => readFile(path, 'utf8')));
  const code = sources.join('\n');
  const written = groups(code, /(?:\.(?:info|warn|error)\(|attempt\(deps, )\s*'([a-z_.]+)'/g);
  const explained = rowsBelow(OPERATIONS, 'event').flatMap(([event]) => inCode(event));
  expect(sorted(explained)).toEqual(sorted(written));
});

it('shows a receiver that accepts what we sign, and nothing that was changed', async () => {
  const [example = ''] = groups(README, /```js\n([\s\S]*?)```/g);
  const [head = ''] = example.split('createServer(async');
  const source = `${head}\nexport { verify };`;
  const { verify } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    verify(secret: string, headers: Record<string, string>, body: string): boolean;
  };
  const secret = newSigningSecret();
  const body = '{"event_type":"Transfer","tag1":"é"}';
  const headers = await signatureHeaders(secret, { id: 'a', sentAt: new Date(), body });
  expect(verify(secret, headers, body)).toBe(true);
  expect(verify(secret, headers, `${body} `)).toBe(false);
  expect(verify(newSigningSecret(), headers, body)).toBe(false);
  expect(verify(secret, { ...headers, 'webhook-id': 'b' }, body)).toBe(false);
  const old = await signatureHeaders(secret, { id: 'a', sentAt: new Date(Date.now() - 600_000), body });
  expect(verify(secret, old, body)).toBe(false);
});
