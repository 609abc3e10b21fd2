import { Piscina } from 'piscina';

const pool = new Piscina({ filename: new URL('./worker.mjs', import.meta.url).href, minThreads: 2, maxThreads: 2 });
const sums = await Promise.all(Array.from({ length: 8 }, (_, count) => pool.run({ count })));
console.log(sums.join(' '));
await pool.destroy();
