const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const IMF = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * The three forms of RFC 9110 §5.6.7 and no other: `Date.parse` would take `0` or `-1` in Expires for a year.
 * Milliseconds since 1970, `null` for what is no date.
 */
export function parseHttpDate(text: string | null, now: number): number | null {
  if (text === null) return null;
  const imf = IMF.exec(text);
  if (imf !== null) return moment(imf[3], imf[2], imf[1], imf.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return moment(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
  const old = RFC_850.exec(text);
  return old === null ? null : moment(String(fullYear(Number(old[3]), now)), old[2], old[1], old.slice(4));
}

/** A two-digit year that seems more than 50 years ahead is the latest past one with these digits. */
function fullYear(digits: number, now: number): number {
  const present = new Date(now).getUTCFullYear();
  const year = present - (present % 100) + digits;
  return year > present + 50 ? year - 100 : year;
}

function moment(year = '', month = '', day = '', time: readonly string[]): number | null {
  const index = MONTHS.indexOf(month);
  const [hours = 0, minutes = 0, seconds = 0] = time.map(Number);
  const date = Number(day);
  if (index === -1 || hours > 23 || minutes > 59 || seconds > 60) return null;
  const at = Date.UTC(Number(year), index, date, hours, minutes, seconds);
  return new Date(Date.UTC(Number(year), index, date)).getUTCDate() === date ? at : null;
}
