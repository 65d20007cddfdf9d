import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { testDatabase } from '../../../../test/postgres.ts'
import { withClient } from '../store.ts'
import { drainedAudit, startArm } from '../testing.ts'
import { naive } from './arm.ts'

const database = testDatabase()

test.each([
  { flags: ['commit-after-success'], uncounted: 1 },
  { flags: ['commit-after-success', 'inbox'], uncounted: 0 },
])(
  'a write that fails behind the row costs the sum of its driver for ever, unless the inbox is in the same transaction: $flags',
  async ({ flags, uncounted }) => {
    const running = await startArm(naive, database.url, { flags })
    await withClient(database.url, client => client.query(failsOnce))
    await running.sender.post(4)
    const { findings } = await drainedAudit(running)
    expect(findings).toMatchObject({ lost: [], doubled: [] })
    const missing = findings.aggregates.map(({ expected, actual }) => expected - actual)
    expect(missing).toEqual(Array.from({ length: uncounted }, () => 1))
    // Four events: the write that failed is made again only where the event as a whole is.
    const seen = await withClient(database.url, client => client.query('select last_value from writes'))
    expect(seen.rows).toEqual([{ last_value: String(5 - uncounted) }])
  },
)

const failsOnce = `
  truncate drivers.positions, drivers.latest, drivers.inbox;
  drop sequence if exists writes;
  create sequence writes;
  create or replace function fail_once() returns trigger language plpgsql as $$
    begin
      if nextval('writes') = 1 then raise exception 'the disk says no, once'; end if;
      return new;
    end
  $$;
  create or replace trigger fail_once before insert on drivers.latest for each row execute function fail_once();
`

test.each(['naive', 'naive-kafkajs'])('the consumer of %s is as short as those that it stands for', arm => {
  const lines = readFileSync(path.join(import.meta.dirname, '..', arm, 'consumer.ts'), 'utf8')
    .trimEnd()
    .split('\n')
  expect(lines.length).toBeLessThanOrEqual(120)
})
