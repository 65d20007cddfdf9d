import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['holdfast-source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['holdfast-source', 'node', 'import', 'default'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
    // Real databases, processes and disks: a noisy machine may take long, a hang still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: 'forks',
  },
})
