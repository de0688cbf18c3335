/** What other features may use of identity. */
export { findRole, organizationsOf } from './members/store.ts';
export { findPersonalOrganization } from './organizations/store.ts';
