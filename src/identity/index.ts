/** What other features may use of identity. */
export type { ProvenLink, TransferFinding } from './agents/standing.ts';
export { followTransfers } from './agents/transfers.ts';
export { bumpEdge as markEdge, markGateway } from './edge/store.ts';
export { findRole, organizationsOf } from './members/store.ts';
export { hasPlaceIn, ownOrganization } from './organizations/own.ts';
export { confirmStanding } from './standing/standing.ts';
export { agentIdText, showAgentId, shownAgentId } from './wallets/shapes.ts';
