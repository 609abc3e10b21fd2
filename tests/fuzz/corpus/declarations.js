import a, {b as c, default as d} from './a.js';
import * as ns from 'b' with {type: 'json'};
export {c, d as 'x y'};
export * from 'c';
export * as e from 'd';
