module.exports = {
  cacheDirectory: '<rootDir>/.jest',
  // A slower test would be printed in another way.
  slowTestThreshold: 300,
  testMatch: ['<rootDir>/specs/*.test.js'],
  transform: {},
  watchman: false,
};
