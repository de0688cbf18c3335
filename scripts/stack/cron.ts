export interface CronOptions {
  /** The Worker's address. */
  url: string;
  cron?: string;
  everyMs?: number;
  onError?: (error: Error) => void;
}

/** `wrangler dev` fires no cron triggers, so this calls the Worker's scheduled handler: at once and every minute. */
export function startCron(options: CronOptions): { stop(): Promise<void> } {
  const { url, cron = '* * * * *', everyMs = 60_000, onError = () => undefined } = options;
  const address = new URL('/cdn-cgi/local/scheduled', url);
  address.searchParams.set('cron', cron);
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  async function fire(): Promise<void> {
    const response = await fetch(address, { signal: stopped.signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`the scheduled handler answered ${response.status}: ${text.slice(0, 200)}`);
  }
  // One at a time: a slow run is not joined by the next.
  const tick = () => {
    running ??= fire()
      .catch((error: Error) => stopped.signal.aborted || onError(error))
      .then(() => {
        running = undefined;
      });
  };

  tick();
  const timer = setInterval(tick, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await running;
    },
  };
}
