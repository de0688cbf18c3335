import { SECOND } from '../../kernel/clock.ts';
import { inHeader } from '../../kernel/escape.ts';
import { type Budget, newBudget, render, type TemplateValues } from '../../kernel/template.ts';
import type { OutboundRequest } from '../../outbound/guarded-fetch.ts';
import { signatureHeaders } from '../../outbound/signature.ts';
import { eventPayload, templateValues } from './event-payload.ts';
import type { ActionDelivery, SenderDeps } from './kind.ts';
import { type RenderedBody, renderBody } from './rest-body.ts';
import type { RestConfig } from './rest-config.ts';
import { knownTemplate } from './template.ts';
import { renderUrl } from './url-template.ts';

const DEFAULT_TIMEOUT_MS = 10 * SECOND;

export const timeoutOf = ({ timeout_ms }: RestConfig): number => timeout_ms ?? DEFAULT_TIMEOUT_MS;

export function headerNamed(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.entries(headers).find(([written]) => written.toLowerCase() === name)?.[1];
}

/**
 * The request of one attempt: the action's address, headers and body with the event's values in them, signed after
 * Standard Webhooks. Without a body of its own an action sends the event (POST, PUT, PATCH); a retraction sends a fixed
 * notice instead of the action's body, since no template could say it.
 * @throws RenderedTooLarge
 */
export async function restRequest(
  delivery: ActionDelivery,
  config: RestConfig,
  { clock, version }: Pick<SenderDeps, 'clock' | 'version'>,
): Promise<OutboundRequest> {
  const values = templateValues(delivery);
  const budget = newBudget();
  const url = renderUrl(config.url, values, budget);
  const body = bodyOf(delivery, config, values, budget);
  const headers: Record<string, string> = {
    'user-agent': `Weir/${version}`,
    ...(body ? { 'content-type': body.contentType } : {}),
    ...renderHeaders(config.headers ?? {}, values, budget),
    ...deliveryHeaders(delivery),
    ...(await signatureHeaders(delivery.signingSecret, { id: delivery.id, sentAt: clock(), body: body?.text ?? '' })),
  };
  return { url, method: config.method, headers, ...(body ? { body: body.text } : {}), timeoutMs: timeoutOf(config) };
}

function renderHeaders(
  headers: Readonly<Record<string, string>>,
  values: TemplateValues,
  budget: Budget,
): Record<string, string> {
  // Names in lower case, so that an action's own content type replaces the default.
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      render(knownTemplate(value), values, inHeader, budget),
    ]),
  );
}

function deliveryHeaders(delivery: ActionDelivery): Record<string, string> {
  return {
    'weir-trigger-id': delivery.trigger.id,
    'weir-delivery-kind': delivery.kind,
    'weir-attempt': String(delivery.attempt),
    ...(delivery.retracts === null ? {} : { 'weir-retracts': delivery.retracts }),
  };
}

/** Methods whose request has a meaning for a body that nobody asked for (RFC 9110 §9.3). */
const SENDS_EVENT: readonly string[] = ['POST', 'PUT', 'PATCH'];

const json = (value: unknown): RenderedBody => ({ text: JSON.stringify(value), contentType: 'application/json' });

function bodyOf(
  delivery: ActionDelivery,
  config: RestConfig,
  values: TemplateValues,
  budget: Budget,
): RenderedBody | undefined {
  const { method, headers = {}, body } = config;
  if (method === 'GET') return undefined;
  const event = eventPayload(delivery.event);
  if (delivery.kind === 'retraction') return json({ type: 'retraction', retracts: delivery.retracts, event });
  if (body !== undefined) return renderBody(body, headerNamed(headers, 'content-type'), values, budget);
  return SENDS_EVENT.includes(method) ? json(event) : undefined;
}
