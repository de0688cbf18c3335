import { zValidator } from '@hono/zod-validator';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type * as z from 'zod';
import type { Ctx, OrganizationCtx, UserCtx } from '../access/ctx.ts';
import type { Role } from '../access/permissions.ts';
import { ANONYMOUS, type Principal } from '../access/principal.ts';
import type { Database } from '../db/client.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, type ErrorDetail, notFound } from '../kernel/errors.ts';
import type { AppEnv } from './app-env.ts';
import type { Input, Operation, Output } from './operation.ts';

/** What the routes need from the composition root. */
export interface RouteDeps {
  clock: Clock;
  db: Database;
  /** The principal that a credential stands for. @throws AppError `unauthorized` when it is no good */
  authenticate(authorization: string): Promise<Principal>;
  /** The caller's role in an organization, or nothing when they are no member or it does not exist. */
  roleIn(ctx: UserCtx, organizationId: string): Promise<Role | undefined>;
}

/** Finds the organization that a request is about, without saying anything of the resource; nothing when there is none. */
export type Locate<O extends Operation> = (ctx: UserCtx, input: Input<O>) => Promise<string | undefined>;

type Handler<O extends Operation, C> = (ctx: C, input: Input<O>) => Promise<Output<O>>;

/** A router whose every route is an operation of the contract. */
export function createRoutes(deps: RouteDeps) {
  const app = new Hono<AppEnv>();

  function mount<O extends Operation>(op: O, handle: (c: Context<AppEnv>, input: Input<O>) => Promise<Output<O>>) {
    app.on(op.method, honoPath(op.path), authenticateFor(op, deps), ...validators(op), async (c) => {
      const output = await handle(c, inputOf<O>(c));
      return op.success.status === 204 ? c.body(null, 204) : c.json(output as object, op.success.status);
    });
  }

  const base = (c: Context<AppEnv>) => ({ requestId: c.get('requestId'), clock: deps.clock, db: deps.db });

  return {
    app,

    /** Anyone may call; the handler is told who did. */
    open<O extends Operation>(op: O, handler: Handler<O, Ctx>) {
      mount(op, (c, input) => handler({ ...base(c), principal: c.get('principal') }, input));
    },

    /** A signed-in person. */
    user<O extends Operation>(op: O, handler: Handler<O, UserCtx>) {
      mount(op, (c, input) => handler({ ...base(c), principal: signedIn(c) }, input));
    },

    /** A member of the organization that `locate` finds. To anyone else the resource does not exist. */
    organization<O extends Operation>(op: O, what: string, locate: Locate<O>, handler: Handler<O, OrganizationCtx>) {
      mount(op, async (c, input) => {
        const ctx: UserCtx = { ...base(c), principal: signedIn(c) };
        const organizationId = await locate(ctx, input);
        const role = organizationId && (await deps.roleIn(ctx, organizationId));
        if (!organizationId || !role) throw notFound(what);
        c.set('organizationId', organizationId);
        return handler({ ...ctx, organizationId, role }, input);
      });
    },
  };
}

export type Routes = ReturnType<typeof createRoutes>;

const honoPath = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

function signedIn(c: Context<AppEnv>) {
  const principal = c.get('principal');
  if (principal.kind !== 'user') throw new AppError('unauthorized', 'Authentication is required');
  return principal;
}

function authenticateFor(op: Operation, deps: RouteDeps): MiddlewareHandler<AppEnv> {
  return async function authenticate(c, next) {
    const authorization = c.req.header('Authorization');
    const looks = op.security.kind !== 'public' && authorization !== undefined;
    c.set('principal', looks ? await deps.authenticate(authorization) : ANONYMOUS);
    if (op.security.kind === 'user' || op.security.kind === 'organization') signedIn(c);
    await next();
  };
}

function validators(op: Operation): MiddlewareHandler[] {
  const chain: MiddlewareHandler[] = [];
  // An id that is not well-formed names nothing, so it answers like one that does not exist.
  if (op.params) {
    chain.push(
      zValidator('param', op.params, (result) => {
        if (!result.success) throw notFound('Resource');
      }),
    );
  }
  if (op.query) chain.push(zValidator('query', op.query, refuse));
  if (op.body) chain.push(zValidator('json', op.body.strict(), refuse));
  return chain;
}

function refuse(result: { success: boolean; error?: z.core.$ZodError }) {
  if (result.success || !result.error) return;
  throw new AppError('validation_failed', 'Request validation failed', { details: detailsOf(result.error.issues) });
}

const MAX_DETAILS = 50;

/** One detail per fault; an unknown field is named by its own path. */
function detailsOf(issues: readonly z.core.$ZodIssue[]): ErrorDetail[] {
  return issues
    .flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys') return [{ path: issue.path.join('.'), message: issue.message }];
      return issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'Unknown field' }));
    })
    .slice(0, MAX_DETAILS);
}

/** The validators above have put exactly what the operation declares into the request; Hono's types cannot see that. */
function inputOf<O extends Operation>(c: Context<AppEnv>): Input<O> {
  const valid = (target: 'param' | 'query' | 'json') => c.req.valid(target as never);
  return { params: valid('param'), query: valid('query'), body: valid('json') } as Input<O>;
}
