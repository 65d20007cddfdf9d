/**
 * A relay alone, that a test may kill:
 *
 *   node --conditions=holdfast-source test/apps/outbox-relay.ts '{"data":"/tmp/x","database":"postgres://…","leaseMs":300}'
 *
 * It says `up` when it begins, `leads N` when it takes the lease with epoch N, and `relayed N` after each append.
 */
import process from 'node:process'
import { postgres } from '../../src/drivers/postgres/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { outboxRelay } from '../../src/outbox/index.ts'
import { movesLog, type MovesLog } from './moves-log.ts'

interface Options extends MovesLog {
  readonly database: string
  readonly leaseMs: number
}

const { database, leaseMs, ...place } = JSON.parse(process.argv[2] ?? '{}') as Options
const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
const sink = await postgres(database).open(env)
const system = await movesLog(place).open(env)
const { outbox } = sink
if (!outbox) throw new Error('no outbox')
let epoch: bigint | undefined
const relay = outboxRelay({
  ...env,
  outbox: {
    ...outbox,
    async lease(owner, forMs) {
      const lease = await outbox.lease(owner, forMs)
      if (lease && lease.epoch !== epoch) process.stdout.write(`leads ${lease.epoch}\n`)
      if (lease) epoch = lease.epoch
      return lease
    },
  },
  system,
  owner: `relay-${process.pid}-${process.hrtime.bigint()}`,
  leaseMs,
  maxRows: 20,
  prepare: async () => {},
  observer: { relayed: ({ count }) => void process.stdout.write(`relayed ${count}\n`) },
})
relay.wake()
process.stdout.write('up\n')
process.once('SIGTERM', () => void relay.stop().then(() => process.exit(0)))
