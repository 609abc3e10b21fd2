// One row per service.

import { groupBy, map, maxBy, partition } from 'lodash-es';
import { compareBuild, prerelease } from 'semver';

import { total, 'median (min)' as median, 'mean (min)' as mean } from './statistics.js';

export function summarise(releases) {
  return map(groupBy(releases, 'service.id'), (own, service) => {
    const minutes = map(own, 'minutes');
    const [within, outside] = partition(own, (release) => release.service.accepts(release.version));
    const newest = own
      .map((release) => release.version)
      .sort(compareBuild)
      .at(-1);
    return {
      service,
      team: own[0].service.team.name,
      newest,
      previews: own.filter((release) => prerelease(release.version) !== null).length,
      within: within.length,
      outside: outside.length,
      total: total(minutes),
      median: median(minutes),
      mean: mean(minutes),
      slowest: maxBy(own, 'minutes').version,
    };
  });
}
