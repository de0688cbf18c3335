/** What the composition root uses of the registry. */
export { operations } from './contract.ts';
export { readGateway } from './read-gateway.ts';
export { addApiRoutes } from './routes.ts';
