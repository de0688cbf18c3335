import type * as z from 'zod';
import { RenderedTooLarge } from '../../kernel/template.ts';
import {
  type ActionDelivery,
  type ActionKind,
  type ActionResult,
  type Preview,
  type SenderDeps,
  UNSENDABLE,
} from './kind.ts';

type PreviewDeps = Parameters<ActionKind['preview']>[1];

/** How a kind sends what its schema accepted; rendering may throw `RenderedTooLarge`. */
interface Sending<Config> {
  readonly schema: z.ZodType<Config>;
  /** What is rendered, to begin "The … of this event would be too large": `message`. */
  readonly what: string;
  longestMs(config: Config): number;
  /** What an attempt would send, with its secrets masked. */
  render(
    delivery: ActionDelivery,
    config: Config,
    deps: PreviewDeps,
  ): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  send(delivery: ActionDelivery, config: Config, deps: SenderDeps): Promise<ActionResult>;
}

type Unsent = { ok: false; reason: string };

/** The members of a kind that are about sending: what cannot be read or rendered is answered, and nothing is sent. */
export function sendingOf<Config>({
  schema,
  what,
  longestMs,
  render,
  send,
}: Sending<Config>): Pick<ActionKind, 'longestMs' | 'preview' | 'send'> {
  async function attempt<T>(
    delivery: ActionDelivery,
    work: (config: Config) => T | Promise<T>,
  ): Promise<{ ok: true; value: T } | Unsent> {
    const config = schema.safeParse(delivery.config);
    if (!config.success) return { ok: false, reason: UNSENDABLE };
    try {
      return { ok: true, value: await work(config.data) };
    } catch (error) {
      if (!(error instanceof RenderedTooLarge)) throw error;
      return { ok: false, reason: `The ${what} of this event would be too large: ${error.message}` };
    }
  }

  return {
    longestMs(config) {
      const parsed = schema.safeParse(config);
      return parsed.success ? longestMs(parsed.data) : 0;
    },
    async preview(delivery, deps): Promise<Preview> {
      const rendered = await attempt(delivery, (config) => render(delivery, config, deps));
      return rendered.ok ? { ok: true, rendered: rendered.value } : rendered;
    },
    async send(delivery, deps): Promise<ActionResult> {
      const sent = await attempt(delivery, (config) => send(delivery, config, deps));
      return sent.ok ? sent.value : { outcome: 'permanent', error: sent.reason };
    },
  };
}
