import { used } from './used.js';

console.log(used);
