import express from 'express';
import { routes } from './routes.mjs';

process.once('SIGTERM', () => server.close());
const server = express()
  .use('/cats', routes)
  .listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
