// A release dashboard: reads what was released, checks it, counts it and draws it.
// Usage: node src/main.js [--view table|map] [--team ID]

import { parseArgs } from 'node:util';

import { loadBoard } from '#model';
import { summarise, geometry } from '#metrics';
import { weeklyTotals } from './feed/weekly.js';
import { banner } from './views/banner.js';

const { values: options } = parseArgs({
  options: {
    view: { type: 'string', default: 'all' },
    team: { type: 'string' },
  },
});

const board = await loadBoard();
const releases =
  options.team === undefined
    ? board.releases
    : board.releases.filter((release) => release.service.team.id === options.team);

console.log(banner(board.title));
console.log(`${releases.length} releases of ${board.services.length} services, ${board.teams.length} teams`);

if (options.view !== 'map') {
  const { table } = await import('./views/table.js');
  console.log(table(summarise(releases), await weeklyTotals(releases, board)));
}
if (options.view !== 'table') {
  const { map } = await import('./views/map.js');
  console.log(map(geometry.place(board.services)));
}

export { summarise } from '#metrics';
