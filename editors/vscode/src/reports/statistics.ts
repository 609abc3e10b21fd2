// Writes what the server counts as Markdown.
import type { Statistics } from '../client/protocol';
import { formatBytes, formatCount } from '../format';
import { codeSpan } from '../text';

const PACKAGES_SHOWN = 30;

/** Return the report of `esmcache/stats`. */
export function statisticsReport(statistics: Statistics): string {
  const { modules, entryPoints, totalBytes, directory } = statistics;
  const packages = [...statistics.packages].sort((a, b) => b.bytes - a.bytes);
  return [
    '# esmcache: statistics',
    `${formatCount(modules, 'module')} of ${formatCount(entryPoints, 'entry point')}, ${formatBytes(totalBytes)} in ${codeSpan(directory)}.`,
    '## Where the bytes are',
    table(
      ['', 'files', 'size'],
      Object.entries(statistics.bytes).map(([section, bytes]) => [
        section,
        number(statistics.files[section] ?? 0),
        formatBytes(bytes),
      ]),
    ),
    '## Packages',
    table(
      ['package', 'modules', 'size'],
      packages
        .slice(0, PACKAGES_SHOWN)
        .map(({ name, modules, bytes }) => [cell(name), number(modules), formatBytes(bytes)]),
    ),
    packages.length > PACKAGES_SHOWN ? `… and ${formatCount(packages.length - PACKAGES_SHOWN, 'more package')}.` : '',
    '## Engines',
    table(
      ['engine', 'modules', 'size'],
      statistics.engines.map(({ tag, modules, bytes }) => [cell(tag), number(modules), formatBytes(bytes)]),
    ),
    '## Counters',
    table(
      ['', 'count'],
      Object.entries(statistics.counters).map(([name, count]) => [name, number(count)]),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function table(heads: string[], rows: string[][]): string {
  if (rows.length === 0) return 'Nothing yet.';
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

function number(count: number): string {
  return count.toLocaleString('en');
}

function cell(text: string): string {
  return codeSpan(text).replaceAll('|', '\\|');
}
