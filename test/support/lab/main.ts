/**
 * The engines that all workerd tests share, and the lab from which a test file gets what must be its own. A process of
 * its own, so that it runs as plain Node; prints its address and ends with SIGTERM.
 */
import { migrate } from '../../../scripts/migrate.ts';
import { startNeonRelay } from '../../../scripts/stack/neon-relay.ts';
import { startThrowAwayPostgres } from '../../../scripts/stack/postgres.ts';
import { startLab } from './server.ts';

const postgres = await startThrowAwayPostgres();
const relay = await startNeonRelay({ reach: { host: '127.0.0.1', port: postgres.port }, maxConnections: 200 });
await migrate({ databaseUrl: postgres.url, proxyUrl: relay.url });
const lab = await startLab({ postgresUrl: postgres.url, relay });

async function stop() {
  await lab.stop();
  await relay.stop();
  await postgres.stop();
  process.exit(0);
}

process.once('SIGTERM', stop);
process.once('disconnect', stop);
process.send?.({ labUrl: lab.url });
