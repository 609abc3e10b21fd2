// A service belongs to a team; team.js imports this file in turn.

import semver from 'semver';

import { Team } from './team.js';

export class Service {
  constructor({ id, range }, team) {
    if (!(team instanceof Team)) throw new TypeError(`service ${id} has no team`);
    this.id = id;
    this.range = new semver.Range(range);
    this.team = team;
    team.add(this);
  }

  accepts(version) {
    return this.range.test(version);
  }
}
