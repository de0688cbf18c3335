import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { OPERATIONS } from '../../src/operations.ts';
import { call } from '../support/api.ts';

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Entry>>;
  components: { schemas: Record<string, unknown> };
}

interface Entry {
  operationId: string;
  security: object[];
  'x-weir-permission': string;
  'x-weir-cost': number;
  responses: Record<string, unknown>;
}

let document: Document;

beforeAll(async () => {
  document = (await call('GET', '/openapi.json')).body as Document;
});

const entries = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, entry]) => ({ path, method, entry })),
  );

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and may be kept for a while', async () => {
    const answer = await call('GET', '/openapi.json');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Content-Type')).toBe('application/json');
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=300');
    expect(document.openapi).toBe('3.1.0');
  });

  it('describes every route that exists, and no other', () => {
    const app = createApp(appDeps(env));
    const routes = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    const described = entries().map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect([...new Set(routes)].sort()).toEqual(described.sort());
  });

  it('names every operation once, with its permission and cost', () => {
    const ids = entries().map(({ entry }) => entry.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(OPERATIONS.length);
    for (const { entry } of entries()) {
      expect(entry['x-weir-permission']).toMatch(/^(public|self|[a-z]+:[a-z]+)$/);
      expect([0, 1, 2, 5, 10]).toContain(entry['x-weir-cost']);
    }
  });

  it('refers only to components that it holds', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(0);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(references));
  });

  it('documents a 401 wherever a credential is needed and a 400 wherever input can be wrong', () => {
    for (const op of OPERATIONS) {
      const responses = document.paths[op.path]?.[op.method]?.responses ?? {};
      if (op.security.kind === 'user' || op.security.kind === 'organization') expect(responses).toHaveProperty('401');
      if (op.security.kind === 'organization') expect(responses).toHaveProperty('404');
      if (op.body || op.query) expect(responses).toHaveProperty('400');
    }
  });
});

describe('/docs', () => {
  it('is a page that loads nothing from other hosts', async () => {
    const page = await call('GET', '/docs');
    expect(page.status).toBe(200);
    const html = String(page.body);
    expect([...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url)).toEqual([
      '/docs/swagger-ui.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/start.js',
    ]);
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'; script-src 'self'");
  });

  it('serves the files of the page and no others', async () => {
    for (const [file, type] of [
      ['swagger-ui.css', 'text/css'],
      ['swagger-ui-bundle.js', 'text/javascript'],
      ['start.js', 'text/javascript'],
    ]) {
      const answer = await call('GET', `/docs/${file}`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('Content-Type')).toContain(type);
    }
    expect((await call('GET', '/docs/other.js')).status).toBe(404);
  });
});
