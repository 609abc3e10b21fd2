import { isOdd } from './odd.js';

export const isEven = (number) => number === 0 || isOdd(number - 1);
