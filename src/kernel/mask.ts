const HIDDEN = '***';

const firstOf = (text: string): string => [...text].slice(0, 1).join('');

/**
 * An e-mail address for eyes that should only recognize it: `jane@mail.example.com` becomes `j***@m***.com`. Of a
 * domain only the last label stays, and the stars are always three, so that no length shows and `a@b.com` looks the
 * same as every other address on `a` and `b`.
 */
export function maskEmail(address: string): string {
  // A quoted local part may hold an @ (RFC 5321 §4.1.2), a domain cannot.
  const at = address.lastIndexOf('@');
  if (at < 0) return HIDDEN;
  const domain = address.slice(at + 1);
  const dot = domain.lastIndexOf('.');
  const lastLabel = dot < 0 ? '' : domain.slice(dot);
  return `${firstOf(address)}${HIDDEN}@${firstOf(domain)}${HIDDEN}${lastLabel}`;
}
