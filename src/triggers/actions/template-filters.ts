import { COMMON_FILTERS, type Filter, oneOf, type TemplateValue } from '../../kernel/template-filters.ts';

/** Every filter there is. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ...COMMON_FILTERS,
  ['address', { ...oneOf('short'), apply: (value, form) => addressOf(value, form === 'short') }],
]);

function addressOf(value: TemplateValue, short: boolean): TemplateValue {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{40}$/i.test(value)) return value;
  const address = value.toLowerCase();
  return short ? `${address.slice(0, 6)}…${address.slice(-4)}` : address;
}
