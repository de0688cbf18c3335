/**
 * Credits of an organization, in micro-USDC. There is no ledger of credits yet, so nobody has any: the answer is 0 for
 * every organization until there is one.
 */
export async function balanceOf(_organizationId: string): Promise<bigint> {
  return 0n;
}
