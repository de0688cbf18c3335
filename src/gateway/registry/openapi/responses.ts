import type { PolicyFields } from '../policy-shape.ts';
import type { Json } from './pointer.ts';

type Mock = NonNullable<PolicyFields['mock']>[number];

/** The responses that mock answers are examples of. */
export function responsesOf(mocks: readonly Mock[]): Json {
  const byStatus = Map.groupBy(mocks, ({ status = 200 }) => status);
  return Object.fromEntries([...byStatus].map(([status, answers]) => [status, responseOf(status, answers)]));
}

function responseOf(status: number, answers: readonly Mock[]): Json {
  const withBody = answers.filter(({ example, schema }) => example !== undefined || schema !== undefined);
  const byType = Map.groupBy(withBody, ({ content_type = 'application/json' }) => content_type);
  const content = Object.fromEntries([...byType].map(([type, same]) => [type, mediaOf(same)]));
  return { description: `Status ${status}`, ...(byType.size > 0 && { content }) };
}

function mediaOf(answers: readonly Mock[]): Json {
  const schema = answers.find((answer) => answer.schema !== undefined)?.schema;
  const examples = answers.filter(({ example }) => example !== undefined);
  const [only] = examples;
  if (only && examples.length === 1 && only.name === undefined) {
    return { ...(schema !== undefined && { schema }), example: only.example };
  }
  const named = examples.map(
    ({ name, example }, index) => [name ?? `example-${index + 1}`, { value: example }] as const,
  );
  return { ...(schema !== undefined && { schema }), ...(named.length > 0 && { examples: Object.fromEntries(named) }) };
}
