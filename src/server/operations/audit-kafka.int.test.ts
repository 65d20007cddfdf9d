import { describe, expect, it } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { fileKafka, noOwnKafka } from '../../../test/kafka.ts'
import { kafka } from '../../drivers/kafka/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import { auditList } from './audit-list.ts'
import { audited } from './audit-trail.ts'
import { auditVerify } from './audit-verify.ts'
import type { OperationHost } from './operation.ts'
import { perform } from './perform.ts'

const actor = { name: 'ada', role: 'admin' } as const
const signal = new AbortController().signal

describe.skipIf(noOwnKafka)('the audit trail on Kafka', () => {
  // The trail is one for a cluster, so this has a broker of its own.
  const own = fileKafka(() => ({}))

  it('stays one chain while processes that know nothing of each other follow the same record', async () => {
    const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
    const driver = kafka({ brokers: own.cluster.brokers.split(','), replication: { factor: 1 } })
    const systems = await Promise.all([1, 2, 3].map(() => driver.open(env)))
    const hosts = systems.map((system): OperationHost => ({ ...env, system, app: undefined }))
    const act = (on: OperationHost, n: number): Promise<void> =>
      audited(on, { operation: 'test.act', actor, input: { n }, reason: 'x' }, async () => {}, signal)
    const [host] = hosts
    if (!host) throw new Error('no host')
    try {
      let acts = 0
      let verified
      do {
        await Promise.all(hosts.flatMap(one => [0, 1, 2].map(n => act(one, n))))
        acts += 9
        verified = await perform(host, { operation: auditVerify, input: {}, actor, signal })
        expect(verified).toMatchObject({ ok: true, findings: [], notRepeated: 0 })
        expect(verified.records - verified.superseded).toBe(2 * acts)
      } while (verified.superseded === 0 && acts < 500)
      expect(verified.superseded).toBeGreaterThan(0)
      const listed = await perform(host, { operation: auditList, input: {}, actor, signal })
      expect(listed.acts.map(({ outcome }) => outcome)).toEqual(Array.from({ length: acts }, () => 'done'))
      observed(
        `${acts} acts by 3 writers at once; ${verified.superseded} records came second and were written again`,
      )
    } finally {
      await Promise.all(systems.map(system => system.close()))
    }
  })
})
