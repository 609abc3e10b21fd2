import { isEven } from './even.js';

export const isOdd = (number) => number !== 0 && isEven(number - 1);
