import { DAY } from '../../kernel/clock.ts';

/** A day in UTC, and the partition that holds its calls. */
export interface Day {
  partition: string;
  from: Date;
  to: Date;
}

const PREFIX = 'request_logs_';

export function dayAt(moment: number): Day {
  const from = new Date(Math.floor(moment / DAY) * DAY);
  const [date = ''] = from.toISOString().split('T');
  return { partition: PREFIX + date.replaceAll('-', ''), from, to: new Date(from.getTime() + DAY) };
}

/** Nothing for the partition of what has no day of its own. */
export function dayOf(partition: string): Day | undefined {
  const [, year, month, day] = /^request_logs_(\d{4})(\d\d)(\d\d)$/.exec(partition) ?? [];
  return year === undefined ? undefined : dayAt(Date.parse(`${year}-${month}-${day}T00:00:00Z`));
}
