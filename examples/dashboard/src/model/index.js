export { default as loadBoard } from './board.js';
export { Service } from './service.js';
export { Team } from './team.js';
