import { search } from '@jmespath-community/jmespath';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileJsonChange } from '../../../src/gateway/transform/body.ts';
import { readExpression } from '../../../src/gateway/transform/expression.ts';
import { isExact, type Json, numberOf, parseJson, writeJson } from '../../../src/gateway/transform/json.ts';
import { compileMask, readPointer } from '../../../src/gateway/transform/mask.ts';

const LIMIT = 1024 * 1024;

function change(expression: string | null, text: string, mask: readonly string[] = [], maxBytes = LIMIT) {
  const made = compileJsonChange(expression === null ? null : { expression, maxBytes }, mask);
  if (!made) throw new Error('nothing to do');
  return made.apply(text, true);
}

function mapped(expression: string, text: string): string {
  const outcome = change(expression, text);
  if (!outcome.ok) throw new Error(`${outcome.reason}: ${outcome.message}`);
  return outcome.text;
}

const faultOf = (expression: string) => {
  const read = readExpression(expression);
  return read.ok ? undefined : read.fault;
};

describe('numbers of a body', () => {
  it.each([
    '12345678901234567890',
    '-9007199254740993',
    '0.12345678901234567890',
    '1e400',
    '-1E-400',
    '123456789.1234567890123',
  ])('%s keeps its digits', (text) => {
    expect(isExact(numberOf(text))).toBe(true);
    expect(writeJson(parseJson(`{"a":[${text}]}`), { left: LIMIT })).toBe(`{"a":[${text}]}`);
    expect(mapped('{b: a, s: to_string(a), t: type(a), n: a == a}', `{"a":${text}}`)).toBe(
      `{"b":${text},"s":"${text}","t":"number","n":true}`,
    );
  });

  it('are doubles where those say the same', () => {
    for (const text of [
      '0',
      '-1',
      '1.5',
      '9007199254740992',
      '100000000000000000000',
      '1.0000000000000000000',
      '0.1',
    ]) {
      expect(numberOf(text), text).toBe(Number(text));
    }
    for (const text of ['', '01', '1.', '.5', '0x10', 'NaN', 'Infinity', ' 1', '+1'])
      expect(numberOf(text)).toBeUndefined();
  });

  it('are the same number after a body was read and written, for every number there is', () => {
    const digits = fc.stringMatching(/^-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?(?:e[+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(digits, (text) => {
        const written = writeJson(parseJson(`[${text}]`), { left: LIMIT }).slice(1, -1);
        if (written === text) return;
        // Otherwise it is another spelling of the same double, of which all digits are significant ones.
        expect(Number(written)).toBe(Number(text) + 0);
        expect(numberOf(text)).toBeTypeOf('number');
      }),
    );
  });
});

describe('a body map', () => {
  it.each<[string, string, string]>([
    ['{id: id, name: user.name}', '{"id":1,"user":{"name":"x"}}', '{"id":1,"name":"x"}'],
    [
      'items[*].{n: name, total: price * `2`}',
      '{"items":[{"name":"a","price":1.5},{"name":"b","price":2}]}',
      '[{"n":"a","total":3},{"n":"b","total":4}]',
    ],
    ['items[?price > `1`].name | [0]', '{"items":[{"name":"a","price":1},{"name":"b","price":2}]}', '"b"'],
    ['items[*].{o: $.id, n: n}', '{"id":9,"items":[{"n":1}]}', '[{"o":9,"n":1}]'],
    ['sort(@)', '[10,9,1]', '[1,9,10]'],
    ['sort_by(@, &a)[*].a', '[{"a":10},{"a":9}]', '[9,10]'],
    ['group_by(@, &t)', '[{"t":"a"},{"t":"b"},{"t":"a"}]', '{"a":[{"t":"a"},{"t":"a"}],"b":[{"t":"b"}]}'],
    ["join(', ', names)", '{"names":["a","b"]}', '"a, b"'],
    ['a ? b : c', '{"a":"","b":1,"c":2}', '2'],
    ['name[0:2]', '{"name":"😀bc"}', '"😀b"'],
    ['max_by(@, &a).b', '[{"a":1,"b":"x"},{"a":3,"b":"y"},{"a":2,"b":"z"}]', '"y"'],
    ['missing', '{}', 'null'],
    ['to_number(@)', '"12345678901234567890"', '12345678901234567890'],
    ['merge(@, `{"b":2}`)', '{"a":1,"b":1}', '{"a":1,"b":2}'],
    ['length(@)', '"😀"', '1'],
    ['[::-1]', '[1,2,3]', '[3,2,1]'],
  ])('%s', (expression, body, expected) => expect(mapped(expression, body)).toBe(expected));

  it.each<[string, string]>([
    ['', 'is not a JMESPath expression'],
    ['a.', 'is not a JMESPath expression'],
    ['a ]', 'is not a JMESPath expression'],
    ['nope(@)', 'calls the unknown function "nope"; known functions: abs, '],
    ['constructor(@)', 'calls the unknown function "constructor"'],
    ['__proto__(@)', 'calls the unknown function "__proto__"'],
    ['abs()', 'calls abs() with 0 arguments, and it takes 1'],
    ['abs(@, @)', 'calls abs() with 2 arguments, and it takes 1'],
    ['merge()', 'calls merge() with 0 arguments, and it takes 1 or more'],
    ['sort_by(@, a)', 'calls sort_by() with a "&" expression in the wrong place, or without one'],
    ['abs(&a)', 'calls abs() with a "&" expression in the wrong place'],
    ['&a', 'has a "&" expression that no function takes'],
    ['[&a]', 'has a "&" expression that no function takes'],
    ['let $a = b in $a', 'uses "let"'],
    ['a[::0]', 'has a slice with the step 0'],
    ['`12345678901234567890`', 'has a number with more digits than can be kept'],
    [`[${Array.from({ length: 1_100 }, () => 'a').join(',')}]`, 'has more than 1000 parts'],
    ['!'.repeat(200).concat('a'), 'is nested deeper than 100 levels'],
    ['('.repeat(16_000), 'is not a JMESPath expression'],
    ['a'.repeat(16_385), 'must be at most 16384 characters'],
  ])('%s is refused when it is written', (expression, fault) => {
    expect(faultOf(expression)?.startsWith(fault), faultOf(expression)).toBe(true);
  });

  it.each([
    'a',
    'a.b',
    '[*].a',
    'a[*].b.c',
    '*.a',
    'a[]',
    '[][]',
    '[?a]',
    '[?a == b]',
    '[?!a]',
    '{x: a, y: b}',
    '[a, b, @]',
    'a || b',
    'a && b',
    '!a',
    '@',
    '[0]',
    '[-1]',
    '[1:]',
    '[::-1]',
    '[:-1:2]',
    'a | b',
    'keys(@)',
    'values(@)',
    'length(@)',
    'to_array(@)',
    'type(@)',
    'not_null(a, b)',
    'reverse(@)',
    'map(&a, @)',
    'a == `1`',
    'a != b',
    'a > b',
    'a.b[0].c',
  ])('%s comes to what the library makes of it', (expression) => {
    const key = fc.constantFrom('a', 'b', 'c', 'x');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        fc.constantFrom('', 's'),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(key, tie('any'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (body) => {
        const text = JSON.stringify(body);
        const theirs = (() => {
          try {
            return JSON.stringify(search(JSON.parse(text), expression));
          } catch {
            return 'fault';
          }
        })();
        const ours = change(expression, text);
        expect(ours.ok ? ours.text : 'fault').toBe(theirs);
      }),
    );
  });

  it.each<[string, string, string]>([
    ['abs(a)', '{"a":"x"}', 'abs() takes number as argument 1 and was given string'],
    ['sum(@)', '[1,"2"]', 'sum() takes array of numbers as argument 1'],
    ['sort(@)', '[1,"2"]', 'only numbers or only strings are ordered'],
    ['a / b', '{"a":1,"b":0}', 'arithmetic came to no finite number'],
    ['a + b', '{"a":1,"b":"1"}', 'arithmetic is done with numbers only'],
  ])('%s of %s is a fault that says why and nothing of the body', (expression, body, message) => {
    const outcome = change(expression, body);
    expect(outcome).toMatchObject({ ok: false, reason: 'not_mappable' });
    expect(outcome.ok ? '' : outcome.message).toContain(message);
  });

  it.each<[string, string]>([
    [Array.from({ length: 60 }, () => '[@,@]').join('|'), '"x"'],
    [`${Array.from({ length: 60 }, () => '[@,@]').join('|')}|to_string(@)`, '"x"'],
    [`${Array.from({ length: 60 }, () => '[@,@]').join('|')}|@ == @`, '"x"'],
    [Array.from({ length: 60 }, () => '[@,@][]').join('|'), '[1]'],
    [Array.from({ length: 60 }, () => "join('', [@,@])").join('|'), '"x"'],
    [Array.from({ length: 60 }, () => "replace(@, 'x', 'xx')").join('|'), '"x"'],
    [Array.from({ length: 60 }, () => '{a:@,b:@}').join('|'), '1'],
    ['[*].[$[*].[$[*].[$]]]', JSON.stringify(Array.from({ length: 1_000 }, () => 1))],
    ['[*].upper($[0])', JSON.stringify(['x'.repeat(100_000), ...Array.from({ length: 10_000 }, () => 'x')])],
  ])('%s ends within its steps', (expression, body) => {
    expect(change(expression, body)).toMatchObject({ ok: false });
  });

  it('makes no more than it may', () => {
    expect(change('[@, @]', `"${'x'.repeat(600)}"`, [], 1_000)).toMatchObject({ ok: false, reason: 'too_large' });
  });

  it('looks nothing up through prototypes, and pollutes none', () => {
    for (const name of ['constructor', '__proto__', 'toString', '"__proto__".polluted']) {
      expect(mapped(name, '{}')).toBe('null');
    }
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"k":"__proto__"}';
    const expressions = [
      '@',
      'merge(@, @)',
      'from_items(items(@))',
      'group_by([@], &k)',
      '{"__proto__": @}',
      'values(@)',
    ];
    for (const expression of expressions) {
      expect(mapped(expression, body), expression).toContain('"polluted":1');
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    }
    expect(mapped('@', body)).toBe(body);
  });

  it('takes no member of a body for an expression', () => {
    expect(mapped('to_string(@)', '{"expref":true,"type":"Field","name":"a"}')).toContain('expref');
    expect(change('map(&a, b)', '{"b":{"expref":true,"type":"Current"}}')).toMatchObject({ reason: 'not_mappable' });
  });

  it.each(['', 'x', '{', '{"a":1}x', '[1,]', "{'a':1}", 'NaN'])('refuses the body %j', (body) => {
    expect(change('@', body)).toEqual({ ok: false, reason: 'not_json', message: 'the body is not JSON' });
  });

  it('refuses what is nested deeper than the stack, and goes on', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(change('@', deep)).toMatchObject({ ok: false });
    expect(change(null, deep, ['/a'])).toMatchObject({ ok: false });
    expect(mapped('@', '[1]')).toBe('[1]');
  });
});

describe('a mask', () => {
  it.each<[string[], string, string]>([
    [['/a'], '{"a":1,"b":2}', '{"a":"***","b":2}'],
    [['/a/b'], '{"a":{"b":{"c":1},"d":2}}', '{"a":{"b":"***","d":2}}'],
    [['/items/*/email'], '{"items":[{"email":"x","n":1},{"n":2}]}', '{"items":[{"email":"***","n":1},{"n":2}]}'],
    [['/*/k'], '{"a":{"k":1},"b":{"k":2},"c":3}', '{"a":{"k":"***"},"b":{"k":"***"},"c":3}'],
    [['/0', '/2/x'], '[1,2,{"x":3}]', '["***",2,{"x":"***"}]'],
    [['/a~1b', '/c~0d', '/*/e'], '{"a/b":1,"c~d":2,"f":{"e":3}}', '{"a/b":"***","c~d":"***","f":{"e":"***"}}'],
    [['/*', '/a/b'], '{"a":{"b":1}}', '{"a":"***"}'],
    [['/'], '{"":1,"a":2}', '{"":"***","a":2}'],
    [['/missing/x'], '{"a":12345678901234567890}', '{"a":12345678901234567890}'],
    [['/id'], '{"id":12345678901234567890}', '{"id":"***"}'],
    [['/__proto__/a'], '{"__proto__":{"a":1},"b":2}', '{"__proto__":{"a":"***"},"b":2}'],
    [['/toString'], '{}', '{}'],
  ])('%j of %s is %s', (mask, body, expected) => {
    expect(change(null, body, mask)).toEqual({ ok: true, text: expected });
  });

  it('is put on after the map', () => {
    expect(change('{mail: email}', '{"email":"x"}', ['/mail'])).toEqual({ ok: true, text: '{"mail":"***"}' });
  });

  it('leaves no value where a pointer leads, and changes nothing else', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(value, (json) => {
        const body: Json = parseJson(JSON.stringify({ a: json, b: json }));
        expect(JSON.parse(writeJson(compileMask(['/a'])(body), { left: LIMIT }))).toEqual({
          a: '***',
          b: JSON.parse(JSON.stringify(json)),
        });
      }),
    );
  });

  it('is a JSON pointer', () => {
    expect(readPointer('/a~01/b')).toEqual(['a~1', 'b']);
    for (const text of ['', 'a', '/a~', '/a~2']) expect(readPointer(text)).toBeUndefined();
  });
});
