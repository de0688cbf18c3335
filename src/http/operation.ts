import type * as z from 'zod';
import type { Permission } from '../access/permissions.ts';
import type { ErrorCode } from '../kernel/errors.ts';

/**
 * Who may call an operation. Every operation has to say it:
 * - `public`: anyone; credentials are not looked at.
 * - `open`: anyone; a credential that is sent must be good.
 * - `user`: a signed-in person, about their own things; a key or wallet is refused with 403.
 * - `caller`: anyone with a credential, over whatever it may see, if it holds `permission` anywhere.
 * - `organization`: who has a place in the organization the resource belongs to, with `permission` there.
 */
type Security =
  | { kind: 'public' }
  | { kind: 'open'; permission: Permission }
  | { kind: 'user' }
  | { kind: 'caller'; permission: Permission }
  | { kind: 'organization'; permission: Permission };

/** Quota units that a call costs; 0 for what is not metered (health, discovery, documents, authentication). */
type Cost = 0 | 1 | 2 | 5 | 10;

/** One entry of the HTTP contract: what validates, what is documented and what the security suite refuses, all in one. */
export interface Operation {
  /** OpenAPI operationId. */
  id: string;
  method: 'get' | 'post' | 'put' | 'delete';
  /** Path with OpenAPI's `{name}` parameters. */
  path: `/${string}`;
  tag: string;
  summary: string;
  description?: string;
  security: Security;
  cost: Cost;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** Header fields that the handler reads, by their names in lower case. */
  headers?: z.ZodObject;
  body?: z.ZodObject;
  /**
   * What the handler writes stays written although it refuses (failed attempts are counted), so it never runs inside
   * the transaction of an idempotent answer.
   */
  ownTransactions?: true;
  /** Changes nothing, so that it may be repeated as it is: an `Idempotency-Key` is ignored. */
  withoutEffect?: true;
  /** The body may be left out, and then counts as `{}`. */
  bodyOptional?: true;
  /** The body may be YAML as well as JSON (RFC 9512). */
  yamlBody?: true;
  /** Of a PUT: whether this answer tells of something that was not there before, which is a 201 (RFC 9110 §9.3.4). */
  made?(output: unknown): boolean;
  success: Success;
  /** Refusals of its own; those that follow from `security`, `body` and `params` are added where they are documented. */
  errors?: readonly ErrorCode[];
}

/**
 * 202 (RFC 9110 §15.3.3) is for what has been taken on and is done later. With `messages` the answer is a stream of
 * server-sent events (WHATWG HTML §9.2) that lasts until either side ends it; they are the JSON in its `data` fields.
 */
type Success =
  | { status: 200 | 201 | 202; description: string; schema: z.ZodType; contentType?: string; yaml?: Yaml }
  | { status: 200; description: string; messages: z.ZodType }
  | { status: 204; description: string }
  /** A WebSocket (RFC 6455) was opened. */
  | { status: 101; description: string };

/** What is answered in YAML (RFC 9512) where `Accept` prefers that: the part of the output that can be sent back. */
interface Yaml {
  schema: z.ZodType;
  of(output: unknown): unknown;
}

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** What a handler receives: the validated parts of the request. */
export interface Input<O extends Operation> {
  params: Parsed<O['params']>;
  query: Parsed<O['query']>;
  headers: Parsed<O['headers']>;
  body: Parsed<O['body']>;
}

/** What a handler answers with: the JSON body of the documented success, or the stream; for a 204 nobody looks at it. */
export type Output<O extends Operation> = O['success'] extends { schema: infer S extends z.ZodType }
  ? z.input<S>
  : O['success'] extends { messages: z.ZodType }
    ? ReadableStream<Uint8Array>
    : unknown;

/** Declares an operation; exists so that its literal types are kept. */
export const operation = <const O extends Operation>(entry: O): O => entry;
