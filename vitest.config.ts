import process from 'node:process'
import { defineConfig } from 'vitest/config'
import { compileCache } from './test/compile-cache.ts'

// For this process, those that run the test files, and those that they start.
process.env['NODE_COMPILE_CACHE'] ??= compileCache

// Vitest hands these to Node as well: with 'import' among them a `require` inside pg would get an ES module.
const conditions = ['holdfast-source', 'node']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'src/**/*.test.ts',
      'test/**/*.test.ts',
      'bench/**/*.test.ts',
      'chaos/**/*.test.ts',
      'examples/**/*.test.ts',
    ],
    // Real databases, processes and disks: a noisy machine may take long, a hang still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    // The long tests wait for most of their time: for leases, retries, brokers. Two cores have room for a third file.
    maxWorkers: 3,
    globalSetup: ['test/postgres-service.ts', 'test/kafka-service.ts', 'test/compile-cache.ts'],
    pool: 'forks',
  },
})
