// Figures over lists of numbers, under the names that they carry in the table.

import { mean, round, sortBy, sum } from 'lodash-es';

export function median(numbers) {
  if (numbers.length === 0) return 0;
  const sorted = sortBy(numbers);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const roundedMean = (numbers) => (numbers.length === 0 ? 0 : round(mean(numbers), 1));

export { sum as total, median as 'median (min)', roundedMean as 'mean (min)' };
