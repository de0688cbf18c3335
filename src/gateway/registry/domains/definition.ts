import * as z from 'zod';
import { line } from '../../../http/shapes.ts';

export const DOMAIN_STATUSES = ['pending', 'verified', 'failed'] as const;

/** `failed`: it did not show what it had to when it was looked at, or was shown to be another organization's since. */
export type DomainStatus = (typeof DOMAIN_STATUSES)[number];

const MAX_NAME_LENGTH = 253;

/** Letters, digits and inner hyphens (RFC 1123 §2.1), names in other scripts in their ASCII form (RFC 5890). */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What would end the host in a URL, and what a URL parser takes out or decodes. */
const NO_PART_OF_A_NAME = /[\s\p{Cc}/\\:@?#%[\]]/u;

/**
 * A host name in its one form: ASCII, lower case, no dot at its end. Nothing when it is none, is an address, or has
 * fewer than two labels.
 */
export function readHostName(text: string): string | undefined {
  if (NO_PART_OF_A_NAME.test(text)) return undefined;
  const host = URL.parse(`https://${text}`)?.hostname.replace(/\.$/, '') ?? '';
  const labels = host.split('.');
  const isName = host.length <= MAX_NAME_LENGTH && labels.length >= 2 && labels.every((label) => LABEL.test(label));
  // What ends in a number is an address (WHATWG URL, "ends in a number checker").
  return isName && !/^\d+$/.test(labels.at(-1) ?? '') ? host : undefined;
}

const address = z.url({ protocol: /^https$/, hostname: z.regexes.domain }).max(2_048);

const fields = {
  display_name: line(1, 100),
  logo_url: address,
  favicon_url: address,
  primary_color: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'must be a color as #rrggbb')
    .meta({ examples: ['#1a73e8'] }),
  support_email: z.email().max(254),
  support_url: address,
};

/** How the organization shows itself at its domain. */
export const branding = z.object(fields).partial();

/** What is not there has not been given. */
export type Branding = { [Field in keyof typeof fields]?: string };

/** Fields that are `null` are taken away. */
export const brandingChange = z
  .object({
    display_name: fields.display_name.nullable(),
    logo_url: fields.logo_url.nullable(),
    favicon_url: fields.favicon_url.nullable(),
    primary_color: fields.primary_color.nullable(),
    support_email: fields.support_email.nullable(),
    support_url: fields.support_url.nullable(),
  })
  .partial();

export type BrandingChange = z.output<typeof brandingChange>;

export function changedBranding(before: Branding, change: BrandingChange): Branding {
  const given = Object.entries({ ...before, ...change }).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(given);
}
