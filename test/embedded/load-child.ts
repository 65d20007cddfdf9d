import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { embedded } from '../../src/drivers/embedded/index.ts'
import { offset, silentLogger, systemClock, systemRandom, type Offset } from '../../src/event/index.ts'
import type { AppendRecord, LogSystem, OwnedPartition } from '../../src/log/index.ts'

/**
 * A process that works on a log until it is killed. It first says everything that it finds, then appends and commits
 * without pause, and says each thing as soon as it was acknowledged; a line is in the pipe before the next call is
 * made. Arguments: the folder, a name that no other run has, and what a former run was told, as lines of `said`.
 *
 *     found TOPIC PARTITION OFFSET ID     a record that is there (ID is `damaged` when its bytes are not its own)
 *     start|end|at TOPIC PARTITION OFFSET bounds, and the position of the group
 *     again KIND TOPIC PARTITION OFFSET   the answer to an event that was sent before
 *     ready                               the load begins
 *     said TOPIC PARTITION OFFSET ID      acknowledged by the log
 *     went TOPIC PARTITION OFFSET         a commit that was acknowledged
 *     failed CODE                         the log can no longer be trusted
 *     then CODE                           what an append was answered after that; the process ends with 70
 */
const [folder = '', run = '', ...before] = process.argv.slice(2)
const KEPT = { topic: 'kept', partitions: 3 }
const CUT_OFF = { topic: 'cut-off', partitions: 1, retentionBytes: 256 * 1024 }
const APPENDERS = 8
const limits = { maxRecords: 500, maxBytes: 1024 * 1024, waitMs: 0 }
const never = new AbortController().signal

function say(...words: readonly unknown[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

const system = await embedded(folder, { minFreeBytes: 0, reserveBytes: 0, retentionInterval: '20ms' }).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
void system.failed.then(async error => {
  say('failed', error.code)
  say('then', await codeOf(system.log.append(KEPT.topic, [recordOf('late')])))
  process.exit(70)
})
for (const { topic, ...settings } of [KEPT, CUT_OFF]) await system.log.topics.create(topic, settings)
await sayAll(system)
await sendAgain(system)
say('ready')
const work = [consume(system), ...Array.from({ length: APPENDERS }, (_, i) => produce(system, i))]
await Promise.all(work.map(codeOf)) // refusals: what follows is said when the log has failed

async function sayAll({ log, groups }: LogSystem): Promise<void> {
  for (const { topic, partitions } of [KEPT, CUT_OFF]) {
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await log.bounds({ topic, partition })
      say('start', topic, partition, start)
      say('end', topic, partition, end)
      for (let at = start; at < end;) {
        const { records, next } = await log.read({ topic, partition, offset: at }, limits, never)
        if (next <= at) throw new Error(`nothing at ${at} of ${topic}/${partition}, below the end ${end}`)
        const lines = records.map(r => `found ${topic} ${partition} ${r.offset} ${idOf(r.value)}\n`)
        writeSync(1, lines.join(''))
        at = next
      }
    }
  }
  for (const { topic, partition, offset } of await groups.committed('g')) say('at', topic, partition, offset)
}

async function sendAgain({ log }: LogSystem): Promise<void> {
  for (const line of before) {
    const [, topic = '', , , id = ''] = line.split(' ')
    const [outcome] = await log.append(topic, [recordOf(id)])
    if (outcome) say('again', outcome.kind, topic, outcome.position.partition, outcome.position.offset)
  }
}

async function produce({ log }: LogSystem, appender: number): Promise<void> {
  for (let call = 0; ; call++) {
    const { topic } = (call + appender) % 4 === 0 ? CUT_OFF : KEPT
    const ids = Array.from({ length: 1 + (call % 5) }, (_, i) => `${run}.${appender}.${call}.${i}`)
    const outcomes = await log.append(topic, ids.map(recordOf))
    for (const [i, { position }] of outcomes.entries())
      say('said', topic, position.partition, position.offset, ids[i])
  }
}

/** Reads behind the appenders, and commits what it has read. */
async function consume({ log, groups }: LogSystem): Promise<void> {
  const owned = new Map<number, OwnedPartition>()
  await groups.join('g', [KEPT.topic], {
    name: run,
    assigned: partitions => partitions.forEach(tp => owned.set(tp.partition, tp)),
    revoking: async () => {},
    lost: () => say('failed', 'lost'),
  })
  const positions = new Map<number, Offset>()
  for (const { partition, offset } of await groups.committed('g')) positions.set(partition, offset)
  for (let turn = 0; ; turn++) {
    const tp = owned.get(turn % KEPT.partitions)
    const at = positions.get(turn % KEPT.partitions) ?? offset(0)
    const waitMs = tp ? 1 : 0
    const { next } = await log.read(
      { topic: KEPT.topic, partition: turn % KEPT.partitions, offset: at },
      { ...limits, waitMs },
      never,
    )
    if (!tp || next === at) {
      await new Promise(resolve => setTimeout(resolve, 1))
      continue
    }
    const [outcome] = await groups.commit('g', [{ ...tp, offset: next, note: `up to ${next}` }])
    if (outcome?.kind !== 'committed') continue
    say('went', tp.topic, tp.partition, next)
    positions.set(tp.partition, next)
  }
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'done'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

/** Every byte follows from the id: small ones, some of several pages. */
function recordOf(id: string): AppendRecord {
  const digest = createHash('sha256').update(id).digest()
  const length = (digest[0] ?? 0) < 16 ? 20_000 : 20 + (digest[1] ?? 0) * 4
  const value = Buffer.concat([Buffer.from(`${id}|`), Buffer.alloc(length, digest)])
  return { key: id, value, headers: { id }, dedup: { scope: 'tenant', source: 'load', id, hash: digest } }
}

function idOf(value: Uint8Array | null): string {
  const text = Buffer.from(value ?? [])
  const id = text.subarray(0, text.indexOf('|')).toString()
  return recordOf(id).value?.every((byte, i) => byte === text[i]) ? id : 'damaged'
}
