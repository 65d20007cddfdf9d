/** Loads what the processes of tests load, and ends. */
await import('./moves-app.ts')
await import('../client/open-loop.ts')
await import('../../src/cli/program.ts')
