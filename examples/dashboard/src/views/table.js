// Loaded only when a table is asked for.

import { padEnd, padStart, repeat, sortBy } from 'lodash-es';

const COLUMNS = ['service', 'team', 'newest', 'previews', 'within', 'outside', 'total', 'median', 'mean', 'slowest'];

export function table(rows, weeks) {
  const lines = [COLUMNS, ...sortBy(rows, 'team', 'service').map((row) => COLUMNS.map((name) => String(row[name])))];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => padEnd(cell, widths[column]))
      .join('  ')
      .trimEnd(),
  );
  const bars = weeks.map(
    ({ week, minutes }) => `${padStart(week, 6)} ${repeat('#', Math.ceil(minutes / 4))} ${minutes}`,
  );
  return [...text, '', 'minutes of work, by week', ...bars].join('\n');
}
