import Fastify from 'fastify';
import { cats } from './routes/cats.mjs';

const app = Fastify({ logger: false });
app.register(cats, { prefix: '/cats' });
process.once('SIGTERM', () => app.close());
console.log(`listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}`);
