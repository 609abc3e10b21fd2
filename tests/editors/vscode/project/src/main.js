import { greeting } from './greeting.js';
import { isEven } from './even.js';

console.log(greeting('world'), isEven(10));
