// Loaded only when the map is asked for.

import { clamp, times } from 'lodash-es';

const WIDTH = 60;
const HEIGHT = 17;

export function map(places) {
  const grid = times(HEIGHT, () => times(WIDTH, () => ' '));
  for (const { service, x, y, near } of places) {
    const column = clamp(Math.round(((x + 1) / 2) * WIDTH), 0, WIDTH - service.id.length - 2);
    const row = clamp(Math.round(((1 - y) / 2) * HEIGHT), 0, HEIGHT - 1);
    const label = `${near ? '@' : 'o'} ${service.id}`;
    label.split('').forEach((character, offset) => {
      grid[row][column + offset] = character;
    });
  }
  return grid.map((line) => line.join('').trimEnd()).join('\n');
}
