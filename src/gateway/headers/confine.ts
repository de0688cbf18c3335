import type { HeaderFields } from '../../http/header-fields.ts';

/** What a browser shows as a document that may run scripts (HTML, "navigate"; MIME Sniffing §4.6). */
const DOCUMENT =
  /(?:^|[\s,])(?:text\/(?:html|xml|xsl)|application\/xml|multipart\/x-mixed-replace|[^\s,;]+\+xml)\s*(?:[;,]|$)/i;

/**
 * For an answer on our own host, which APIs of all organizations share with the control plane: a document of an API is
 * shown in an origin of its own (CSP 3, `sandbox`), and nothing else is taken for a document. A policy of the upstream's
 * stays beside ours, and both hold.
 */
export function confine(headers: HeaderFields): void {
  headers.set('x-content-type-options', 'nosniff');
  const type = headers.get('content-type');
  if (type !== null && DOCUMENT.test(type)) headers.append('content-security-policy', 'sandbox');
}
