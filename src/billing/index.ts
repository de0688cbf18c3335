/** What other features may use of billing. */
export { balanceOf } from './balance.ts';
export {
  ANONYMOUS_PLAN,
  advertisedPlans,
  PLAN_NAMES,
  PLANS,
  type Plan,
  type PlanName,
} from './plans.ts';
export { formatUsdc } from './usdc.ts';
