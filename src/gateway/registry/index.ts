/** What the composition root uses of the registry. */
export { operations } from './contract.ts';
export { operations as domainOperations } from './domains/contract.ts';
export { addDomainRoutes } from './domains/routes.ts';
export { organizationOfHost, verifiedDomains } from './domains/store.ts';
export { operations as hostOperations } from './hosts/contract.ts';
export { checkHosts } from './hosts/job.ts';
export { createProver, type Prove } from './hosts/proof.ts';
export { addHostRoutes } from './hosts/routes.ts';
export { fetchDocument } from './openapi/fetch-document.ts';
export { addOpenApiRoutes } from './openapi/routes.ts';
export { readGateway } from './read-gateway.ts';
export { addApiRoutes } from './routes.ts';
export { readEndpointLimits } from './store.ts';
