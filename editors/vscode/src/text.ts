// Text that comes from files, made fit for where it is shown: it steers nothing, and is no Markdown.

// Control characters, line separators, and what turns the direction of writing; the server shows the same ones so.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it looks for
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
// Marks of emphasis, code, links, images, HTML, entities, tables, icons, mentions and addresses.
const MARKS = /[\\`*_{}[\]()<>#|~&!$@:]|(?<=\bwww)\./gi;

/** Return `text` on one line, with each control and bidirectional character as \uXXXX. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Return `text` as words within a line of Markdown. */
export function escaped(text: string): string {
  return printable(text).replace(MARKS, '\\$&');
}

/** Return `text` as code within a line of Markdown. */
export function codeSpan(text: string): string {
  const shown = printable(text);
  let fence = '`';
  while (shown.includes(fence)) fence += '`';
  const padding = fence.length > 1 ? ' ' : '';
  return `${fence}${padding}${shown}${padding}${fence}`;
}

/** Return `text` for a message to the user, in which the editor would make a link of [words](command:…). */
export function message(text: string): string {
  return printable(text).replaceAll('](', '] (');
}
