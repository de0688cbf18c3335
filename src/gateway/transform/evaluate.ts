import { type Argument, Arguments } from './arguments.ts';
import type { ExpressionNode } from './expression.ts';
import { FUNCTIONS } from './functions.ts';
import { isJsonArray, isJsonObject, type Json } from './json.ts';
import { charge, chargeText, type Evaluate, isTrue, type Machine, memberOf, newObject, sliced } from './machine.ts';
import { and, arithmetic, choice, comparison, not, or, signed } from './operators.ts';

/** The library's node types have one type for several kinds of nodes: all that may be of these kinds. */
type NodeOf<T extends string, N = ExpressionNode> = N extends { type: infer K }
  ? Extract<T, K> extends never
    ? never
    : N
  : never;

/**
 * An expression as a function, made once. Each part costs a step each time it is evaluated, and each element that is
 * taken into a list one more, so that neither time nor memory grows beyond the steps there are.
 */
export function compileExpression(node: ExpressionNode): Evaluate {
  const evaluate = partOf(node);
  return (value, machine) => {
    charge(machine, 1);
    return evaluate(value, machine);
  };
}

const CURRENT: Evaluate = (value) => value;

function partOf(node: ExpressionNode): Evaluate {
  switch (node.type) {
    case 'Current':
    case 'Identity':
      return CURRENT;
    case 'Root':
      return (_, machine) => machine.root;
    case 'Field':
      return (value) => (isJsonObject(value) ? memberOf(value, node.name) : null);
    case 'Literal':
      return literal(node);
    case 'Index':
      return (value) => (isJsonArray(value) ? (value.at(node.value) ?? null) : null);
    case 'Slice':
      return slice(node);
    case 'Pipe':
    case 'IndexExpression':
    case 'Subexpression':
      return chain(node);
    case 'Projection':
    case 'ValueProjection':
    case 'FilterProjection':
      return projection(node);
    case 'Flatten':
      return flatten(node);
    case 'MultiSelectList':
    case 'MultiSelectHash':
      return select(node);
    case 'Comparator':
      return comparison(node.name, compileExpression(node.left), compileExpression(node.right));
    case 'Arithmetic':
      return arithmetic(node.operator, compileExpression(node.left), compileExpression(node.right));
    case 'Unary':
      return signed(node.operator, compileExpression(node.operand));
    case 'OrExpression':
      return or(compileExpression(node.left), compileExpression(node.right));
    case 'AndExpression':
      return and(compileExpression(node.left), compileExpression(node.right));
    case 'NotExpression':
      return not(compileExpression(node.child));
    case 'Ternary':
      return choice(
        compileExpression(node.condition),
        compileExpression(node.trueExpr),
        compileExpression(node.falseExpr),
      );
    case 'Function':
      return call(node);
    default:
      throw new Error(`an expression of the kind ${node.type} has no meaning here`);
  }
}

function literal({ value }: NodeOf<'Literal'>): Evaluate {
  const json: Json = value;
  return () => json;
}

function slice(node: NodeOf<'Slice'>): Evaluate {
  return (value, machine) => {
    if (typeof value === 'string') {
      chargeText(machine, value.length);
      return sliced([...value], node).join('');
    }
    if (!isJsonArray(value)) return null;
    const taken = sliced(value, node);
    charge(machine, taken.length);
    return taken;
  };
}

function chain(node: NodeOf<'Pipe' | 'IndexExpression' | 'Subexpression'>): Evaluate {
  const left = compileExpression(node.left);
  const right = compileExpression(node.right);
  if (node.type !== 'Subexpression') return (value, machine) => right(left(value, machine), machine);
  return (value, machine) => {
    const base = left(value, machine);
    return base === null ? null : right(base, machine);
  };
}

/** A projection leaves out what comes to null. */
function projected(items: readonly Json[], keep: Evaluate | undefined, right: Evaluate, machine: Machine): Json[] {
  const collected: Json[] = [];
  for (const item of items) {
    if (keep && !isTrue(keep(item, machine))) continue;
    const current = right(item, machine);
    if (current !== null) collected.push(current);
  }
  charge(machine, collected.length);
  return collected;
}

function projection(node: NodeOf<'Projection' | 'ValueProjection' | 'FilterProjection'>): Evaluate {
  const left = compileExpression(node.left);
  const right = compileExpression(node.right);
  if (node.type === 'ValueProjection') {
    return (value, machine) => {
      const base = left(value, machine);
      return isJsonObject(base) ? projected(Object.values(base), undefined, right, machine) : null;
    };
  }
  const keep = node.type === 'FilterProjection' ? compileExpression(node.condition) : undefined;
  const ofText = node.left.type === 'IndexExpression' && node.left.right.type === 'Slice';
  return (value, machine) => {
    const base = left(value, machine);
    // `name[0:3]` of a text is a text, and no projection.
    if (ofText && typeof base === 'string') return right(base, machine);
    return isJsonArray(base) ? projected(base, keep, right, machine) : null;
  };
}

function flatten(node: NodeOf<'Flatten'>): Evaluate {
  const child = compileExpression(node.child);
  return (value, machine) => {
    const list = child(value, machine);
    if (!isJsonArray(list)) return null;
    charge(
      machine,
      list.reduce<number>((sum, item) => sum + (isJsonArray(item) ? item.length : 1), 0),
    );
    return list.flatMap((item) => (isJsonArray(item) ? item : [item]));
  };
}

function select(node: NodeOf<'MultiSelectList' | 'MultiSelectHash'>): Evaluate {
  if (node.type === 'MultiSelectList') {
    const parts = node.children.map(compileExpression);
    return (value, machine) => parts.map((part) => part(value, machine));
  }
  const members = node.children.map((child) => ({ name: child.name, part: compileExpression(child.value) }));
  return (value, machine) => {
    const object = newObject();
    for (const { name, part } of members) object[name] = part(value, machine);
    return object;
  };
}

function call(node: NodeOf<'Function'>): Evaluate {
  const known = FUNCTIONS.get(node.name);
  if (!known) throw new Error('an expression calls a function that there is not');
  const parts = node.children.map((child): { expression: Evaluate } | { evaluate: Evaluate } =>
    child.type === 'ExpressionReference'
      ? { expression: compileExpression(child.child) }
      : { evaluate: compileExpression(child) },
  );
  return (value, machine) => {
    const given = parts.map(
      (part): Argument => ('expression' in part ? part : { value: part.evaluate(value, machine) }),
    );
    return known.apply(new Arguments(node.name, given, machine));
  };
}
