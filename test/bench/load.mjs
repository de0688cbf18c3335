/**
 * Loads one address for a while with autocannon and writes what it saw as JSON: requests, answers that were not 200, and
 * percentiles of each answer's time, which autocannon itself rounds to milliseconds; and what processor time it took itself.
 * `node load.mjs '{"url","headers","connections","seconds"}'`
 */
import autocannon from 'autocannon';

const { url, headers, connections, seconds } = JSON.parse(process.argv[2]);
const times = [];
let failed = 0;

const run = autocannon({ url, headers, connections, duration: seconds, timeout: 10 });
run.on('response', (_client, status, _bytes, milliseconds) => {
  times.push(milliseconds);
  if (status !== 200) failed += 1;
});
const { errors, duration } = await run;

const sorted = Float64Array.from(times).sort();
const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    requests: times.length,
    failed: failed + errors,
    seconds: duration,
    p50: at(0.5),
    p99: at(0.99),
    cpuSeconds: (user + system) / 1_000_000,
  }),
);
