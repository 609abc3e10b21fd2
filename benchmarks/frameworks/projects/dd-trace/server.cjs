const express = require('express');
const { routes } = require('./routes.cjs');

process.once('SIGTERM', () => server.close());
const server = express()
  .use('/cats', routes)
  .listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
