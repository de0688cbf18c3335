import type { CompiledEndpoint } from '../compiled.ts';
import { compareSpecificity, matchMixed, type Pattern, type PatternSegment, readPattern } from './pattern.ts';
import { compilePredicates, LazyQuery, type RequestFacts, type Test } from './predicates.ts';

/**
 * The endpoints of an API by their paths: a tree with one level for each segment, in which text is found by hash, so that
 * a search costs as much as the path is long, however many endpoints there are. Where more than one way fits (`/orders/new`
 * and `/orders/{id}`), all that can still give something better are followed; a pattern is reached by one way only, so a
 * search visits no node twice. Patterns with text around a parameter are tried one after another at their place.
 */
export interface EndpointTree {
  /** The endpoint for a request, or `null` if none of those on its path has its method. */
  find(query: TreeQuery): Found | null;
  /** The methods that endpoints have for this path; empty if the path is none's. An endpoint of every method has `*`. */
  methods(query: TreeQuery): ReadonlySet<string>;
}

interface TreeQuery extends RequestFacts {
  segments: readonly string[];
  /** Index of the first segment that counts. */
  from: number;
  method: string;
  /** `null` in an API without versions. */
  version: string | null;
}

interface Found {
  /** Index in the list that the tree was made of. */
  index: number;
  params: ReadonlyMap<string, string>;
}

interface Candidate {
  index: number;
  endpoint: CompiledEndpoint;
  pattern: Pattern;
  versions: ReadonlySet<string> | null;
  test: Test | null;
  /** Place among all endpoints of the API by priority, specificity and order: the lowest that fits is taken. */
  rank: number;
}

/** What a node does not have is `null`: of ten thousand nodes most have one child, and a search touches little memory. */
interface Node {
  texts: Map<string, Node> | null;
  mixed: { texts: readonly string[]; node: Node }[] | null;
  parameter: Node | null;
  /** Whose pattern ends here, and whose rest begins here. */
  ends: Bucket | null;
  rests: Bucket | null;
  /** Of everything below: where it is no better than what has been found, the search does not go. */
  best: number;
}

/** Endpoints with patterns of one shape, in the order of their ranks, which is the order in which they are asked. */
interface Bucket {
  all: Candidate[];
  byMethod: Map<string, Candidate[]>;
  /** Those of every method: for methods that nobody names. */
  others: Candidate[];
}

/** Throws for a pattern that `readPattern` does not read: none is published. */
export function buildTree(endpoints: readonly CompiledEndpoint[]): EndpointTree {
  const root = newNode();
  const buckets = new Set<Bucket>();
  for (const candidate of rankedCandidates(endpoints)) {
    const bucket = bucketFor(root, candidate);
    bucket.all.push(candidate);
    buckets.add(bucket);
  }
  for (const bucket of buckets) seal(bucket);
  return {
    find(query) {
      const candidate = search(root, query.from, query, new LazyQuery(query.search), null);
      return candidate && { index: candidate.index, params: paramsOf(candidate.pattern, query) };
    },
    methods(query) {
      const found = new Set<string>();
      gather(root, query.from, query, new LazyQuery(query.search), found);
      return found;
    },
  };
}

function rankedCandidates(endpoints: readonly CompiledEndpoint[]): Candidate[] {
  const candidates = endpoints.map((endpoint, index): Candidate => {
    const pattern = readPattern(endpoint.path);
    if (typeof pattern === 'string') throw new Error(`endpoint ${endpoint.id} was published with a path of no form`);
    const versions = endpoint.versions && new Set(endpoint.versions);
    return { index, endpoint, pattern, versions, test: compilePredicates(endpoint.when), rank: 0 };
  });
  candidates.sort(
    (a, b) =>
      b.endpoint.priority - a.endpoint.priority || compareSpecificity(a.pattern, b.pattern) || a.index - b.index,
  );
  for (const [rank, candidate] of candidates.entries()) candidate.rank = rank;
  return candidates;
}

const newBucket = (): Bucket => ({ all: [], byMethod: new Map(), others: [] });

const newNode = (): Node => ({
  texts: null,
  mixed: null,
  parameter: null,
  ends: null,
  rests: null,
  best: Number.POSITIVE_INFINITY,
});

function bucketFor(root: Node, { pattern, rank }: Candidate): Bucket {
  let node = root;
  node.best = Math.min(node.best, rank);
  for (const segment of pattern.segments) {
    if (segment.kind === 'rest') {
      node.rests ??= newBucket();
      return node.rests;
    }
    node = childFor(node, segment);
    node.best = Math.min(node.best, rank);
  }
  node.ends ??= newBucket();
  return node.ends;
}

function childFor(node: Node, segment: Exclude<PatternSegment, { kind: 'rest' }>): Node {
  if (segment.kind === 'parameter') {
    node.parameter ??= newNode();
    return node.parameter;
  }
  if (segment.kind === 'text') {
    node.texts ??= new Map();
    const child = node.texts.get(segment.text) ?? newNode();
    node.texts.set(segment.text, child);
    return child;
  }
  const { texts } = segment;
  node.mixed ??= [];
  const known = node.mixed.find(
    (mixed) => mixed.texts.length === texts.length && mixed.texts.every((text, index) => text === texts[index]),
  );
  if (known) return known.node;
  const child = newNode();
  node.mixed.push({ texts, node: child });
  return child;
}

/**
 * `HEAD` is asked of whoever names it, and only then of those who take `GET` (RFC 9110 §9.3.2: the same without content).
 */
function seal(bucket: Bucket): void {
  const { all, byMethod } = bucket;
  const takes =
    (method: string) =>
    ({ endpoint: { methods } }: Candidate) =>
      methods.length === 0 || methods.includes(method);
  const names =
    (method: string) =>
    ({ endpoint: { methods } }: Candidate) =>
      methods.includes(method);
  bucket.others = all.filter(({ endpoint }) => endpoint.methods.length === 0);
  for (const method of new Set(all.flatMap(({ endpoint }) => endpoint.methods))) {
    byMethod.set(method, all.filter(takes(method)));
  }
  byMethod.set('HEAD', [...all.filter(names('HEAD')), ...all.filter(takes('GET'))]);
}

/** The best candidate below `node` that is better than `bound`, else `bound`. */
function search(
  node: Node,
  depth: number,
  query: TreeQuery,
  lazy: LazyQuery,
  bound: Candidate | null,
): Candidate | null {
  if (bound !== null && node.best >= bound.rank) return bound;
  const segment = query.segments[depth];
  let best = bound;
  if (segment === undefined) {
    if (node.ends) best = better(choose(node.ends, query, lazy), best);
  } else {
    const child = node.texts?.get(segment);
    if (child) best = search(child, depth + 1, query, lazy, best);
    if (node.mixed) {
      for (const { texts, node: next } of node.mixed) {
        if (matchMixed(texts, segment)) best = search(next, depth + 1, query, lazy, best);
      }
    }
    if (node.parameter) best = search(node.parameter, depth + 1, query, lazy, best);
  }
  return node.rests ? better(choose(node.rests, query, lazy), best) : best;
}

const better = (a: Candidate | null, b: Candidate | null) => (a === null || (b !== null && b.rank <= a.rank) ? b : a);

function choose(bucket: Bucket, query: TreeQuery, lazy: LazyQuery): Candidate | null {
  const candidates = bucket.byMethod.get(query.method) ?? bucket.others;
  for (const candidate of candidates) if (isOpenTo(candidate, query, lazy)) return candidate;
  return null;
}

const isOpenTo = ({ versions, test }: Candidate, query: TreeQuery, lazy: LazyQuery) =>
  (versions === null || (query.version !== null && versions.has(query.version))) &&
  (test === null || test(query, lazy));

/** The way of requests that are refused: no bound, every candidate of every node that fits. */
function gather(node: Node, depth: number, query: TreeQuery, lazy: LazyQuery, found: Set<string>): void {
  const segment = query.segments[depth];
  const add = (bucket: Bucket | null) => {
    for (const candidate of bucket?.all ?? []) {
      if (!isOpenTo(candidate, query, lazy)) continue;
      const { methods } = candidate.endpoint;
      for (const method of methods.length === 0 ? ['*'] : methods) found.add(method);
    }
  };
  add(node.rests);
  if (segment === undefined) {
    add(node.ends);
    return;
  }
  const child = node.texts?.get(segment);
  if (child) gather(child, depth + 1, query, lazy, found);
  for (const { texts, node: next } of node.mixed ?? []) {
    if (matchMixed(texts, segment)) gather(next, depth + 1, query, lazy, found);
  }
  if (node.parameter) gather(node.parameter, depth + 1, query, lazy, found);
}

function paramsOf(pattern: Pattern, { segments, from }: TreeQuery): ReadonlyMap<string, string> {
  if (pattern.parameters.length === 0) return NO_PARAMS;
  const params = new Map<string, string>();
  for (const [index, part] of pattern.segments.entries()) {
    const value = segments[from + index] ?? '';
    if (part.kind === 'parameter') params.set(part.name, value);
    else if (part.kind === 'rest') params.set(part.name, segments.slice(from + index).join('/'));
    else if (part.kind === 'mixed') {
      const values = matchMixed(part.texts, value);
      for (const [place, name] of part.names.entries()) params.set(name, values?.[place] ?? '');
    }
  }
  return params;
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();
