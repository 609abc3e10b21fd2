const { collect } = require('../src/queue');

test('collects in order', async () => expect(await collect([3, 1, 2])).toEqual([3, 1, 2]));
