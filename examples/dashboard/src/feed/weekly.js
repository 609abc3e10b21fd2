// The releases as a stream, gathered by week.

import { eachWeekOfInterval, format, isSameWeek } from 'date-fns';
import { concatMap, from, lastValueFrom, map, reduce, toArray } from 'rxjs';

const WEEK = { weekStartsOn: 1 };

export function weeklyTotals(releases, { from: start, until: end }) {
  const weeks = eachWeekOfInterval({ start, end }, WEEK);
  return lastValueFrom(
    from(weeks).pipe(
      concatMap((week) =>
        from(releases.filter((release) => isSameWeek(release.day, week, WEEK))).pipe(
          reduce((minutes, release) => minutes + release.minutes, 0),
          map((minutes) => ({ week: format(week, 'd MMM'), minutes })),
        ),
      ),
      toArray(),
    ),
  );
}
