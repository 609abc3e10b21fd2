'use strict';
// The yardstick: a preload whose hooks change nothing. What fails with it is the price of hooks, not of ours.

require('node:module').registerHooks({
  resolve: (specifier, context, nextResolve) => nextResolve(specifier, context),
  load: (url, context, nextLoad) => nextLoad(url, context),
});
