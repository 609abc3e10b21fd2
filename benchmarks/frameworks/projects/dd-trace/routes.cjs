const { Router } = require('express');

exports.routes = Router().get('/', (_request, response) => response.json([{ name: 'Tom' }]));
