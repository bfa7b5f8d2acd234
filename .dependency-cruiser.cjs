/** Layer rules: a layer reaches the next through its contracts.ts only; main files compose. */
const layers = ['api', 'aws', 'engine', 'images', 'microvms', 'endpoint', 'guest', 'network', 'store', 'hooks', 'builder', 'logs', 'iam', 'quotas', 'connectors', 'metrics', 'cgroups', 'usage', 'metadata', 'vault', 'events', 'audit', 'traces', 'console', 'backup', 'gc', 'check'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/cli/main' }, to: {} },
    ...layers.map((layer) => ({
      name: `${layer}-through-contracts`,
      comment: `other layers see src/${layer}/ through contracts.ts; only the composition root (src/daemon) builds it`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${layer}|daemon)/` },
      to: { path: `^src/${layer}/`, pathNot: `^src/${layer}/contracts\\.ts$` },
    })),
    { name: 'engine-knows-no-aws', severity: 'error', from: { path: '^src/(engine|network|guest|cgroups)/' }, to: { path: '^src/(api|aws|images|microvms|endpoint|store|config)/' } },
    { name: 'api-knows-no-engine', severity: 'error', from: { path: '^src/(api|aws|endpoint)/' }, to: { path: '^src/(engine|network|guest)/' } },
    {
      name: 'cli-loads-late',
      comment: 'what declares the commands is loaded at each start: what they do is imported when they run',
      severity: 'error',
      from: { path: '^src/cli/(main\\.ts|context\\.ts|program/)' },
      to: { pathNot: '^src/cli/(context|exit-codes|program/|output/style)|node_modules/commander/|^fs$', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-dev-deps-in-src', severity: 'error', from: { path: '^src/' }, to: { dependencyTypes: ['npm-dev'] } },
  ],
  options: { tsConfig: { fileName: 'tsconfig.json' }, tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } },
};
