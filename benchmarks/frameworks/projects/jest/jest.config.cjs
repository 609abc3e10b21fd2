module.exports = { cacheDirectory: '<rootDir>/.jest', testMatch: ['<rootDir>/specs/*.test.js'], transform: {}, watchman: false };
