export default {
  mode: 'production',
  entry: './src/index.js',
  devtool: 'source-map',
  optimization: { minimize: false },
  stats: { preset: 'errors-warnings', assets: true, builtAt: false, timings: false, version: false },
};
