/** Structured logging: one JSON object a line, `event` first, so that a log store can index the fields. */
export interface Logger {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

type Sink = (line: string) => void;

interface Sinks {
  info: Sink;
  warn: Sink;
  error: Sink;
}

/** The one place where a line leaves the Worker: the platform collects the console. */
const platform = console;

/** A logger that writes to the platform's log. `JSON.stringify` escapes line breaks, so a value cannot forge a line. */
export function createLogger(sinks: Sinks = platform): Logger {
  const write = (level: keyof Sinks) => (event: string, fields?: Record<string, unknown>) =>
    sinks[level](JSON.stringify({ event, level, ...fields }));
  return { info: write('info'), warn: write('warn'), error: write('error') };
}
