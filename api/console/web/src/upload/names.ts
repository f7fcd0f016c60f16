/** Names as the server checks them: what it would refuse is said before a byte is sent. */

const maxBytes = 255;
const reserved = '.sluice-';

/** Control characters, and those that reverse how text is shown. */
// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/;

/** nameProblem is why a file cannot be uploaded under its name; '' when it can. */
export function nameProblem(name: string): string {
  if (name === '' || name === '.' || name === '..') return 'The name is empty.';
  const size = new TextEncoder().encode(name).length;
  if (size > maxBytes) return `The name has ${size} bytes; ${maxBytes} are possible.`;
  if (name.includes('/')) return 'The name has a slash.';
  if (/\p{Surrogate}/u.test(name)) return 'The name is not valid Unicode.';
  if (name.startsWith(reserved)) return `Names that begin with "${reserved}" are reserved.`;
  const match = forbidden.exec(name);
  if (!match) return '';
  const code = (match[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `The name has a character that cannot be shown (U+${code}).`;
}
