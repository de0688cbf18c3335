import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { type CallerCtx, type Ctx, type OrganizationCtx, permit, type UserCtx } from '../access/ctx.ts';
import type { Permission, Role } from '../access/permissions.ts';
import { type Principal, principalName } from '../access/principal.ts';
import { type Database, danglingOf } from '../db/client.ts';
import { notFound } from '../kernel/errors.ts';
import { prefersYaml } from './accept.ts';
import { clientAddress } from './address.ts';
import type { AppEnv } from './app-env.ts';
import { type Authenticate, authenticateFor, signedIn, withCredential } from './authenticate.ts';
import { type Answer, answerOnce, type IdempotencyDeps, readIdempotencyKey } from './idempotency.ts';
import { type Meter, meter, settling } from './metering.ts';
import type { Input, Operation, Output } from './operation.ts';
import { validators } from './validate.ts';
import { writeYaml } from './yaml.ts';

/** What somebody may do in an organization. */
export interface Grant {
  permissions: ReadonlySet<Permission>;
  role: Role | undefined;
}

/** What the routes need from the composition root. */
export interface RouteDeps extends IdempotencyDeps {
  authenticate: Authenticate;
  /** What the caller may do in an organization, or nothing when they have no place in it or it does not exist. */
  grantIn(ctx: CallerCtx, organizationId: string): Promise<Grant | undefined>;
  publishOrganization(organizationId: string): Promise<void>;
  meter: Meter;
}

/** Finds the organization that a request is about, without saying anything of the resource; nothing when there is none. */
export type Locate<O extends Operation> = (ctx: CallerCtx, input: Input<O>) => Promise<string | undefined>;

type Handler<O extends Operation, C> = (ctx: C, input: Input<O>) => Promise<Output<O>>;

/** What was found out before the operation begins: whose the resource is, and what the caller may do there. */
interface Place extends Grant {
  organizationId: string;
}

/** How an operation is carried out. */
interface Plan<O extends Operation> {
  /** Whose the resource is; nothing when the caller has no place there. Also says who is charged. */
  find?(ctx: Ctx, input: Input<O>): Promise<Place | undefined>;
  run(ctx: Ctx, input: Input<O>, place: Place | undefined): Promise<Output<O>>;
}

/** A router whose every route is an operation of the contract. */
export function createRoutes(deps: RouteDeps) {
  const app = new Hono<AppEnv>();

  function mount<O extends Operation>(op: O, { find, run }: Plan<O>) {
    app.on(
      op.method,
      honoPath(op.path),
      readBody,
      settling(op, deps.meter, (c) => contextOf(c, deps, deps.db, [])),
      authenticateFor(op, deps.authenticate),
      ...validators(op),
      async (c) => {
        const input = inputOf<O>(c);
        const anyone = contextOf(c, deps, deps.db, []);
        const place = await find?.(anyone, input);
        c.set('organizationId', place?.organizationId);
        await meter(c, op, deps.meter, anyone, place?.organizationId);
        if ('messages' in op.success) return stream(c, () => run(anyone, input, place));
        const yaml = wantedYaml(c, op);
        const effects: (() => Promise<void>)[] = [];
        const attempt = async (db: Database): Promise<Answer> => {
          const output = await run(contextOf(c, deps, db, effects), input, place);
          const body = op.success.status === 204 ? null : textOf(op, output, yaml);
          const status = op.made?.(output) ? 201 : op.success.status;
          return { status, body, organizationId: place?.organizationId };
        };
        const answer = await carryOut(c, op, attempt);
        for (const effect of effects) await effect();
        if (answer.body === null) return c.body(null, 204);
        return c.body(answer.body, statusOf(answer), { 'Content-Type': yaml ? YAML_TYPE : (typeOf(op) ?? JSON_TYPE) });
      },
    );
  }

  async function placeIn(ctx: CallerCtx, organizationId: string | undefined): Promise<Place | undefined> {
    const grant = organizationId && (await deps.grantIn(ctx, organizationId));
    return organizationId && grant ? { organizationId, ...grant } : undefined;
  }

  async function carryOut(c: Context<AppEnv>, op: Operation, attempt: (db: Database) => Promise<Answer>) {
    const field = op.method === 'get' || op.withoutEffect ? undefined : c.req.header('Idempotency-Key');
    if (field === undefined) return attempt(deps.db);
    const url = new URL(c.req.url);
    const request = {
      principal: ownerOfKeys(c),
      key: readIdempotencyKey(field),
      parts: [op.method, url.pathname + url.search, await c.req.text()],
      ownTransactions: op.ownTransactions ?? false,
    };
    const answer = await answerOnce(deps, request, attempt);
    if (!answer.replayed) return answer;
    await admitReplay(c, op, answer);
    c.header('Idempotent-Replayed', 'true');
    return answer;
  }

  /** What was told once is told again only to somebody who could still be told it. */
  async function admitReplay(c: Context<AppEnv>, op: Operation, { organizationId, body }: Answer) {
    if (organizationId === undefined) return;
    if (body !== null && 'permission' in op.security) {
      const ctx = withCredential(contextOf(c, deps, deps.db, []));
      const grant = await deps.grantIn(ctx, organizationId);
      if (!grant) throw notFound('Organization');
      permit({ ...ctx, organizationId, ...grant }, op.security.permission);
    }
    // The first answer may have been a 503 because the edge could not be told: a replay makes up for that first.
    await deps.publishOrganization(organizationId);
  }

  return {
    app,

    /** Anyone may call; the handler is told who did. */
    open<O extends Operation>(op: O, handler: Handler<O, Ctx>) {
      mount(op, { run: handler });
    },

    /** A signed-in person. */
    user<O extends Operation>(op: O, handler: Handler<O, UserCtx>) {
      mount(op, { run: (ctx, input) => handler(signedIn(ctx), input) });
    },

    /** Anyone with a credential, over whatever it may see; an organization that they name pays for it. */
    caller<O extends Operation>(op: O, named: (input: Input<O>) => string | undefined, handler: Handler<O, CallerCtx>) {
      mount(op, {
        find: (ctx, input) => placeIn(withCredential(ctx), named(input)),
        run: (ctx, input) => handler(withCredential(ctx), input),
      });
    },

    /** Somebody with a place in the organization that `locate` finds. To anyone else the resource does not exist. */
    organization<O extends Operation>(op: O, what: string, locate: Locate<O>, handler: Handler<O, OrganizationCtx>) {
      mount(op, {
        find: async (anyone, input) => {
          const ctx = withCredential(anyone);
          return placeIn(ctx, await locate(ctx, input));
        },
        run: async (ctx, input, place) => {
          if (!place) throw notFound(what);
          return handler({ ...withCredential(ctx), ...place }, input).catch((error: unknown) => {
            // Deleted since it was found: the answer is the one that the next request gets.
            throw danglingOf(error)?.endsWith(REFERS_TO_ORGANIZATION) ? notFound(what) : error;
          });
        },
      });
    },
  };
}

export type Routes = ReturnType<typeof createRoutes>;

/**
 * Reads the body, which is bounded, before the credentials are looked at: else a request could be authenticated and have
 * its body sent only after the credential has ended.
 */
const readBody: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'GET') await c.req.text();
  await next();
};

/** Whose `Idempotency-Key` it is. Strangers who happen to send the same one are told apart by their addresses. */
function ownerOfKeys(c: Context<AppEnv>): string {
  const principal = c.get('principal');
  const name = principalName(principal);
  if (principal.kind === 'anonymous') return `${name}:${clientAddress(c.req.raw.headers) ?? ''}`;
  // A wallet may act for several organizations, by a link in each.
  return principal.kind === 'wallet' ? `${name}:${principal.linkId}` : name;
}

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';

const typeOf = ({ success }: Operation) => ('contentType' in success ? success.contentType : undefined);

/** An answer of a type of its own is a text already. */
function textOf(op: Operation, output: unknown, yaml: ReturnType<typeof wantedYaml>): string {
  if (yaml) return writeYaml(yaml.of(output));
  return typeOf(op) === undefined ? JSON.stringify(output) : String(output);
}

/** How the answer is made YAML, if it is to be. */
function wantedYaml(c: Context<AppEnv>, { success }: Operation) {
  if (!('yaml' in success) || !success.yaml) return undefined;
  c.header('Vary', 'Accept', { append: true });
  return prefersYaml(c.req.header('Accept')) ? success.yaml : undefined;
}

/** A kept answer's status comes back from the database as a number. */
const statusOf = ({ status }: Answer) => (status === 201 || status === 202 ? status : 200);

/** A HEAD gets the fields alone: nobody would read its stream, so none is opened. */
async function stream(c: Context<AppEnv>, open: () => Promise<unknown>): Promise<Response> {
  const headers = { 'Content-Type': 'text/event-stream' };
  // The type of a streamed operation's output says so, but not to code that is generic in the operation.
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  return c.body((await open()) as ReadableStream<Uint8Array>, 200, headers);
}

/** How drizzle-kit names the foreign keys of what belongs to an organization, after the table. */
const REFERS_TO_ORGANIZATION = '_organization_id_organizations_id_fk';

const honoPath = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

function contextOf(
  c: Context<AppEnv>,
  deps: RouteDeps,
  db: Database,
  effects: (() => Promise<void>)[],
): Ctx<Principal> {
  return {
    principal: c.get('principal'),
    requestId: c.get('requestId'),
    address: clientAddress(c.req.raw.headers) ?? '',
    userAgent: c.req.header('User-Agent') ?? '',
    clock: deps.clock,
    db,
    afterCommit: (effect) => void effects.push(effect),
    publishOrganization: deps.publishOrganization,
  };
}

/** The validators have put exactly what the operation declares into the request; Hono's types cannot see that. */
function inputOf<O extends Operation>(c: Context<AppEnv>): Input<O> {
  const valid = (target: 'param' | 'query' | 'header' | 'json') => c.req.valid(target as never);
  const headers = valid('header');
  return { params: valid('param'), query: valid('query'), headers, body: valid('json') } as Input<O>;
}
