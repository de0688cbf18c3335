import { type ScheduleDeps, scheduleDeps } from './context.ts';
import { checkHosts } from './gateway/registry/index.ts';
import { deleteExpiredAnswers } from './http/idempotency/store.ts';
import { publishBehind } from './identity/edge/sweep.ts';
import { sweepSessions } from './identity/sessions/job.ts';
import { deleteForgottenNetworks } from './identity/users/network-store.ts';
import { describeError } from './kernel/errors.ts';
import { expireRequestLogs, partitionRequestLogs } from './observability/requests/job.ts';
import { sweepUsage } from './quota/usage/job.ts';
import { sweepDeliveries } from './triggers/deliveries/retention/job.ts';
import { forgetMemories } from './triggers/state/forget.ts';

type Job = (deps: ScheduleDeps) => Promise<unknown>;

/**
 * Cron expression (as in wrangler.toml) → jobs. Every minute: the watchdog of what runs on alarms, because an alarm can
 * be lost and a chain that nobody has asked about has none yet. Every hour: what nobody needs any more is deleted,
 * and proofs of control are looked at again.
 */
const JOBS: Readonly<Record<string, readonly Job[]>> = {
  '* * * * *': [watchChains, wakeMatchers, wakeSweeper, publishEdges],
  '17 * * * *': [
    ...[sweepSessions, forgetNetworks, forgetAnswers, sweepUsage, sweepDeliveries, forgetMemories],
    ...[partitionRequestLogs, expireRequestLogs, checkHosts],
  ],
};

/** Runs every job of the expression, whatever happens to the others. */
export async function runSchedule(cron: string, env: Env): Promise<void> {
  const deps = scheduleDeps(env);
  const jobs = JOBS[cron];
  if (!jobs) throw new Error(`no jobs for the cron expression ${cron}`);
  const results = await Promise.allSettled(jobs.map((job) => job(deps)));
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    deps.log.error('job.failed', { job: jobs[index]?.name, error: describeError(result.reason) });
  }
}

function watchChains({ config, watcher }: ScheduleDeps) {
  return Promise.all(config.chains.map(({ id }) => watcher(id).ensureRunning(id)));
}

function wakeMatchers({ config, matcher }: ScheduleDeps) {
  return Promise.all(config.chains.map(({ id }) => matcher(id).wake(id)));
}

function wakeSweeper({ sweeper }: ScheduleDeps) {
  return sweeper().wake();
}

function publishEdges({ publisher, clock }: ScheduleDeps) {
  return publishBehind({ ...publisher, clock });
}

function forgetNetworks({ db, clock }: ScheduleDeps) {
  return deleteForgottenNetworks(db.query, clock());
}

function forgetAnswers({ db, clock }: ScheduleDeps) {
  return deleteExpiredAnswers(db.query, clock());
}
