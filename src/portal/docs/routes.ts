import type { Operation } from '../../http/operation.ts';
import type { Routes } from '../../http/route.ts';
import { notFound } from '../../kernel/errors.ts';
import { getDocs, getDocsFile, getOpenApi } from './contract.ts';
import { openApiDocument } from './openapi.ts';
import { DOCS_PAGE, DOCS_POLICY, START_SCRIPT } from './page.ts';

const CACHE = 'public, max-age=300';

interface DocsDeps {
  operations: readonly Operation[];
  baseUrl: string;
  /** Static files, by the name they have in the assets folder. */
  assets: { fetch(url: string): Promise<Response> };
}

export function addDocsRoutes(routes: Routes, { operations, baseUrl, assets }: DocsDeps) {
  let document: string | undefined;
  routes.app.get(getOpenApi.path, (c) => {
    document ??= JSON.stringify(openApiDocument(operations, baseUrl));
    return c.body(document, 200, { 'Content-Type': 'application/json', 'Cache-Control': CACHE });
  });
  routes.app.get(getDocs.path, (c) =>
    c.html(DOCS_PAGE, 200, { 'Content-Security-Policy': DOCS_POLICY, 'Cache-Control': CACHE }),
  );
  routes.app.get('/docs/:file', async (c) => {
    const { success, data } = getDocsFile.params.safeParse(c.req.param());
    if (!success) throw notFound('File');
    if (data.file === 'start.js')
      return c.body(START_SCRIPT, 200, { 'Content-Type': 'text/javascript', 'Cache-Control': CACHE });
    const file = await assets.fetch(new URL(`/${data.file}`, c.req.url).href);
    return new Response(file.body, file);
  });
}
