/** Every table, gathered for drizzle-kit, which writes the migrations under drizzle/ from it. */
export * from '../http/idempotency/table.ts';
export * from '../identity/agents/table.ts';
export * from '../identity/api-keys/table.ts';
export * from '../identity/edge/table.ts';
export * from '../identity/members/table.ts';
export * from '../identity/organizations/table.ts';
export * from '../identity/sessions/table.ts';
export * from '../identity/users/table.ts';
export * from '../identity/wallets/table.ts';
export * from '../quota/rate-limits/table.ts';
export * from '../quota/usage/table.ts';
export * from '../telemetry/audit/table.ts';
export * from '../triggers/deliveries/table.ts';
export * from '../triggers/ingest/table.ts';
export * from '../triggers/matching/table.ts';
export * from '../triggers/rules/table.ts';
