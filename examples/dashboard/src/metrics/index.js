export * from './summary.js';
export * from './statistics.js';
export * as geometry from './geometry.js';
