'use strict';
// The yardstick: a preload whose hooks change nothing. A test that fails with it fails because of hooks alone.

require('node:module').registerHooks({
  resolve: (specifier, context, nextResolve) => nextResolve(specifier, context),
  load: (url, context, nextLoad) => nextLoad(url, context),
});
