import { compile } from '@jmespath-community/jmespath';
import { FUNCTIONS } from './functions.ts';

/**
 * The mapping language is JMESPath (jmespath.org; the community's grammar with arithmetic and `? :`), which has neither
 * loops nor recursion. The grammar is the library's. The evaluation (evaluate.ts) is ours, since the library's looks
 * members up through prototypes, takes a body's own `expref` member for an expression, and cannot be stopped: a short
 * expression such as `[@,@]|[@,@]|…` doubles its value at every step.
 */
export type ExpressionNode = ReturnType<typeof compile>;

const MAX_EXPRESSION = 16 * 1024;
const MAX_NODES = 1_000;
const MAX_DEPTH = 100;

export type ReadExpression = { ok: true; node: ExpressionNode } | { ok: false; fault: string };

const isNode = (value: unknown): value is ExpressionNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** The nodes directly below a node; a literal's value is none, whatever it looks like. */
function childrenOf(node: ExpressionNode): ExpressionNode[] {
  if (node.type === 'Literal') return [];
  // A pair of a multi-select is a node in all but its type's declaration.
  return Object.values(node).flat().filter(isNode);
}

/** What no expression may have, by node; bounded before anything recurses over the tree. */
function faultOfTree(root: ExpressionNode): string | undefined {
  const open: { node: ExpressionNode; depth: number }[] = [{ node: root, depth: 1 }];
  for (let count = 0, entry = open.pop(); entry; entry = open.pop()) {
    count += 1;
    const { node, depth } = entry;
    if (count > MAX_NODES) return `has more than ${MAX_NODES} parts`;
    if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
    const children = childrenOf(node);
    const stray = node.type !== 'Function' && [...(node === root ? [node] : []), ...children].some(isReference);
    const fault = stray ? 'has a "&" expression that no function takes' : faultOfNode(node);
    if (fault !== undefined) return fault;
    for (const child of children) open.push({ node: child, depth: depth + 1 });
  }
  return undefined;
}

const isReference = (node: ExpressionNode) => node.type === 'ExpressionReference';

function faultOfNode(node: ExpressionNode): string | undefined {
  switch (node.type) {
    case 'LetExpression':
    case 'Binding':
    case 'Variable':
      return 'uses "let", which is not part of this language';
    case 'Literal':
      return typeof node.value === 'number' && !isHeld(node.value)
        ? 'has a number with more digits than can be kept; write it as a string'
        : undefined;
    case 'Slice':
      return node.step === 0 ? 'has a slice with the step 0' : undefined;
    case 'Function':
      return faultOfCall(node.name, node.children);
    default:
      return undefined;
  }
}

const isHeld = (value: number) => Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));

function faultOfCall(name: string, given: readonly ExpressionNode[]): string | undefined {
  const known = FUNCTIONS.get(name);
  if (!known) return `calls the unknown function "${name}"; known functions: ${[...FUNCTIONS.keys()].join(', ')}`;
  const { takes, optional = 0, variadic = false } = known;
  if (given.length < takes.length - optional || (given.length > takes.length && !variadic)) {
    const fewest = takes.length - optional;
    const most = variadic ? ' or more' : optional > 0 ? ` to ${takes.length}` : '';
    return `calls ${name}() with ${given.length} arguments, and it takes ${fewest}${most}`;
  }
  const misplaced = given.some(
    (node, index) => (node.type === 'ExpressionReference') !== (takes[index] === 'expression'),
  );
  return misplaced ? `calls ${name}() with a "&" expression in the wrong place, or without one` : undefined;
}

/** Reads an expression, and finds what is wrong with it before it is ever used. */
export function readExpression(text: string): ReadExpression {
  if (text.length > MAX_EXPRESSION) return { ok: false, fault: `must be at most ${MAX_EXPRESSION} characters` };
  let node: ExpressionNode;
  try {
    node = compile(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be read';
    return { ok: false, fault: `is not a JMESPath expression: ${reason.slice(0, 200)}` };
  }
  const fault = faultOfTree(node);
  return fault === undefined ? { ok: true, node } : { ok: false, fault };
}
