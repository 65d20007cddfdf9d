/**
 * Which room may import which, as data: an event's way is the folder tree, and imports only point back along it.
 * `layers.test.ts` holds it.
 */
export const layers: Readonly<Record<string, readonly string[]>> = {
  event: [],
  schema: ['event'],
  log: ['event'],
  collect: ['event', 'schema', 'log'],
  publish: ['event', 'schema', 'log'],
  sink: ['event'],
  outbox: ['event', 'schema', 'log', 'publish', 'sink'],
  recover: ['event', 'schema', 'log', 'sink'],
  consume: ['event', 'schema', 'log', 'publish', 'sink', 'outbox', 'recover'],
  migrate: ['event', 'log'],
  explain: ['event', 'log', 'recover', 'sink'],
  observe: ['event', 'schema', 'log', 'collect', 'consume', 'recover', 'sink'],
  'drivers/memory': ['event', 'log'],
  'drivers/embedded': ['event', 'log'],
  'drivers/kafka': ['event', 'log'],
  'drivers/postgres': ['event', 'sink'],
  testing: ['event', 'schema', 'log', 'collect', 'consume', 'recover', 'sink'],
  advise: [],
  server: ['*'],
  cli: ['*'],
}
