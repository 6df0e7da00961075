// Mutants of core/trust/ and core/update/: `npm run test:mutants`, docs/testing.md.
export default {
  mutate: ['src/core/trust/**/*.ts', 'src/core/update/**/*.ts'],
  plugins: ['./test/mutants/stryker-plugins.mjs'],
  testRunner: 'sluice',
  ignorers: ['sluice-messages'],
  // In Stryker's copy, with the mutants in the sources.
  buildCommand: 'node test/mutants/build.mjs mutants',
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // What tests have made of modules stays in memory until it is collected; a fresh worker now and then costs little.
  maxTestRunnerReuse: 300,
  timeoutMS: 8000,
  timeoutFactor: 4,
  incremental: true,
  incrementalFile: 'node_modules/.cache/stryker/incremental.json',
  tempDirName: 'node_modules/.cache/stryker/tmp',
  ignorePatterns: [
    '*',
    '!src',
    '!src/**',
    '!test',
    '!test/**',
    '!native-shims',
    '!native-shims/**',
    // Imported by tests, which are looked through for what they reach.
    '!bench',
    '!bench/*.ts',
    '!.ci',
    '!.ci/*.mjs',
    '!stryker.config.mjs',
    '!package.json',
  ],
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: 'node_modules/.cache/stryker/report.json' },
  allowEmpty: true,
  checkers: [],
  disableTypeChecks: true,
};
