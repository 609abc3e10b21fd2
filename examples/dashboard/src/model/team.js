// A team owns services; service.js imports this file in turn.

import { Service } from './service.js';

export class Team {
  services = [];

  constructor({ id, name }) {
    this.id = id;
    this.name = name;
  }

  add(service) {
    if (!(service instanceof Service)) throw new TypeError('not a service');
    this.services.push(service);
  }
}
