import('./a.js'); new Worker(new URL('./w.js', import.meta.url)); require('./b'); import(`c`, {with: {type: 'css'}});
