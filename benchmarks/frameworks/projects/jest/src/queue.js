const { Subject, toArray } = require('rxjs');

exports.collect = async (values) => {
  const subject = new Subject();
  const collected = new Promise((resolve) => subject.pipe(toArray()).subscribe(resolve));
  for (const value of values) subject.next(value);
  subject.complete();
  return collected;
};
