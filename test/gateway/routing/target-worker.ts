import { readPath, readTarget } from '../../../src/gateway/routing/path.ts';

/** Answers with what the gateway reads out of the request it was sent. */
export default {
  fetch(request: Request): Response {
    const target = readTarget(request.url);
    const path = typeof target === 'string' ? target : readPath(target.path);
    const refused = typeof path === 'string' ? path : null;
    return Response.json(refused ?? { target, path });
  },
};
