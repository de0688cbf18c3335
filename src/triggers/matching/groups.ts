import type { Registry } from '../../chain/events.ts';
import { accessOfAll, accessOfAny } from './access.ts';
import type { ConditionInput } from './conditions.ts';
import { operatorOf } from './field-kinds.ts';
import {
  type CompiledComparison,
  type CompiledCondition,
  type CompiledPredicate,
  type Predicate,
  type Refusal,
  refuse,
} from './predicate.ts';

/** How deep groups stand in each other, and how many conditions the groups of one trigger hold together. */
const MAX_GROUP_DEPTH = 4;
export const MAX_GROUPED = 200;

const JOINS: ReadonlyMap<string, (members: readonly CompiledPredicate[]) => CompiledPredicate> = new Map([
  ['any', (members) => joined(members, (...of) => members.some(({ predicate }) => predicate(...of)), accessOfAny)],
  ['all', (members) => joined(members, (...of) => members.every(({ predicate }) => predicate(...of)), accessOfAll)],
  ['none', (members) => joined(members, (...of) => !members.some(({ predicate }) => predicate(...of)))],
]);

/** The condition types that are groups: `any`, `all`, `none`. */
export const GROUP_TYPES: readonly string[] = [...JOINS.keys()];

export const isGroup = (conditionType: string): boolean => JOINS.has(conditionType);

function joined(
  members: readonly CompiledPredicate[],
  predicate: Predicate,
  accessOf?: typeof accessOfAll,
): CompiledPredicate {
  const access = accessOf?.(members.map((member) => member.access));
  const grouped = members.reduce((sum, { weight }) => sum + (weight?.grouped || 1), 0);
  const patterns = members.reduce((sum, { weight }) => sum + (weight?.patterns ?? 0), 0);
  return { ok: true, predicate, weight: { grouped, patterns }, ...(access && { access }) };
}

type CompileLeaf = (input: ConditionInput, registry: Registry | undefined) => CompiledCondition;

/**
 * Compiles a group: `config.conditions` lists its members, each of the form of a condition, groups among them. The group's
 * own field, operator and value say nothing. A member's fault is reported under its place, `config.conditions.2.value`.
 */
export function compileGroup(
  input: ConditionInput,
  registry: Registry | undefined,
  compileLeaf: CompileLeaf,
  depth = 1,
): CompiledComparison {
  const join = JOINS.get(input.condition_type);
  const members = membersOf(input, depth);
  if (!join || !members.ok)
    return members.ok ? refuse('condition_type', `must be one of ${GROUP_TYPES.join(', ')}`) : members;
  const compiled: CompiledPredicate[] = [];
  for (const [index, raw] of members.items.entries()) {
    const member = compileMember(raw, registry, compileLeaf, depth);
    if (!member.ok) return refuse(pathOf(index, member.path), member.message);
    compiled.push(member);
  }
  const group = join(compiled);
  const { grouped = 0 } = group.weight ?? {};
  return grouped > MAX_GROUPED
    ? refuse('config.conditions', `hold ${grouped} conditions with those of their groups; ${MAX_GROUPED} are allowed`)
    : group;
}

const pathOf = (index: number, path: string) => `config.conditions.${index}${path === '' ? '' : `.${path}`}`;

function membersOf({ config }: ConditionInput, depth: number): { ok: true; items: readonly unknown[] } | Refusal {
  const unknown = Object.keys(config ?? {}).find((key) => key !== 'conditions');
  if (unknown !== undefined)
    return refuse(`config.${unknown}`, 'is not an option of a group; the only one is conditions');
  const items: unknown = config?.['conditions'];
  if (!Array.isArray(items) || items.length === 0) {
    return refuse('config.conditions', 'must be a list of at least one condition');
  }
  if (items.length > MAX_GROUPED) return refuse('config.conditions', `must list at most ${MAX_GROUPED} conditions`);
  if (depth > MAX_GROUP_DEPTH)
    return refuse('condition_type', `groups stand in each other at most ${MAX_GROUP_DEPTH} deep`);
  return { ok: true, items };
}

function compileMember(
  raw: unknown,
  registry: Registry | undefined,
  compileLeaf: CompileLeaf,
  depth: number,
): CompiledComparison {
  const member = readMember(raw);
  if (!member.ok) return member;
  if (isGroup(member.input.condition_type)) return compileGroup(member.input, registry, compileLeaf, depth + 1);
  const compiled = compileLeaf(member.input, registry);
  if (compiled.ok && 'state' in compiled) {
    return refuse('condition_type', 'stateful conditions stand by themselves: all of them must hold');
  }
  return compiled;
}

/** The bounds of a condition's members, as the contract has them. */
const LONGEST = { condition_type: 100, field: 255, operator: 50, value: 1_000 } as const;

type MemberField = keyof typeof LONGEST;

const MEMBER_FIELDS: readonly string[] = [...Object.keys(LONGEST), 'config'];

/** A group needs no field, operator or value here, and a look whether a field is there needs no value. */
function readMember(raw: unknown): { ok: true; input: ConditionInput } | Refusal {
  if (!isRecord(raw)) return refuse('', 'must be a condition: an object');
  const unknown = Object.keys(raw).find((key) => !MEMBER_FIELDS.includes(key));
  if (unknown !== undefined) return refuse(unknown, 'is not a member of a condition');
  const textOf = (name: MemberField) => (typeof raw[name] === 'string' ? raw[name] : '');
  const type = textOf('condition_type');
  const spared = isGroup(type) ? NAMES.slice(1) : isPresence(textOf('operator')) ? NAMES.slice(3) : [];
  for (const name of NAMES) {
    const given = raw[name] === undefined && spared.includes(name) ? '' : raw[name];
    if (typeof given !== 'string') return refuse(name, 'must be text');
    if (given === '' && !spared.includes(name)) return refuse(name, 'must have at least 1 character');
    if ([...given].length > LONGEST[name]) return refuse(name, `must have at most ${LONGEST[name]} characters`);
  }
  const config = raw['config'] ?? null;
  if (config !== null && !isRecord(config)) return refuse('config', 'must be an object');
  const [field, operator, value] = [textOf('field'), textOf('operator'), textOf('value')];
  return { ok: true, input: { condition_type: type, field, operator, value, config } };
}

const NAMES = ['condition_type', 'field', 'operator', 'value'] as const;

function isPresence(operator: string): boolean {
  const named = operatorOf(operator);
  return named === 'exists' || named === 'is_null';
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
