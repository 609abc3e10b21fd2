// Turns the JSON file into teams, services and releases that know one another.

import { addWeeks, parseISO, subDays } from 'date-fns';
import keyBy from 'lodash-es/keyBy.js';
import { z } from 'zod';

import raw from '../../data/services.json' with { type: 'json' };
import { Service } from './service.js';
import { Team } from './team.js';

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

const Board = z.object({
  title: z.string().min(1),
  from: Day,
  weeks: z.number().int().positive(),
  teams: z.array(z.object({ id: z.string(), name: z.string() })),
  services: z.array(z.object({ id: z.string(), team: z.string(), range: z.string() })),
  releases: z.array(z.object({ service: z.string(), version: z.string(), day: Day, minutes: z.number().positive() })),
});

export default async function loadBoard() {
  const parsed = await Board.parseAsync(raw);
  const teams = parsed.teams.map((team) => new Team(team));
  const teamOf = keyBy(teams, 'id');
  const services = parsed.services.map((service) => new Service(service, teamOf[service.team]));
  const serviceOf = keyBy(services, 'id');
  const releases = parsed.releases.map((release) => ({
    ...release,
    day: parseISO(release.day),
    service: serviceOf[release.service],
  }));
  const from = parseISO(parsed.from);
  const until = subDays(addWeeks(from, parsed.weeks), 1);
  return { title: parsed.title, from, until, teams, services, releases };
}
