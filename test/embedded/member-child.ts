import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { partitionId, type Offset } from '../../src/event/index.ts'
import type { OwnedPartition } from '../../src/log/index.ts'
import { openLog } from './open.ts'

/**
 * A member of group `g` that appends to and commits what it owns again and again, and says what happens to it. It stops
 * trusting an epoch only when it is told to. Arguments: the folder, a name, beatMs, sessionMs.
 *
 *     assigned|released|lost PARTITION EPOCH
 *     committed PARTITION EPOCH OFFSET
 *     stale PARTITION EPOCH CURRENT-EPOCH OWNER
 *     stops
 *
 * SIGUSR2 lets it stop itself as by SIGSTOP, between two transactions: LMDB lets nobody write while a process stands
 * still within one.
 */
const [folder = '', name = '', beatMs, sessionMs] = process.argv.slice(2)
const TOPIC = 'events'

function say(...words: readonly unknown[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

const { log, groups } = await openLog(folder, {
  leases: { beatMs: Number(beatMs), sessionMs: Number(sessionMs) },
})
await log.topics.create(TOPIC, { partitions: 4 })
const owned = new Map<string, OwnedPartition>()
const forget = (what: string, partitions: readonly OwnedPartition[]): void => {
  for (const tp of partitions) {
    owned.delete(partitionId(tp))
    say(what, tp.partition, tp.epoch)
  }
}
await groups.join('g', [TOPIC], {
  name,
  assigned(partitions) {
    for (const tp of partitions) {
      owned.set(partitionId(tp), tp)
      say('assigned', tp.partition, tp.epoch)
    }
  },
  async revoking(partitions) {
    forget('released', partitions)
  },
  lost(partitions) {
    forget('lost', partitions)
  },
})
say('joined')

let stops = false
process.on('SIGUSR2', () => (stops = true))

for (;;) {
  for (const tp of owned.values()) {
    const [outcome] = await log.append(TOPIC, [
      { partition: tp.partition, value: Buffer.from(name), headers: {} },
    ])
    await commit(tp, outcome?.position.offset)
  }
  await pause(5)
  if (!stops) continue
  stops = false
  say('stops')
  process.kill(process.pid, 'SIGSTOP')
}

async function commit(tp: OwnedPartition, offset: Offset | undefined): Promise<void> {
  if (offset === undefined) return
  const [answer] = await groups.commit('g', [{ ...tp, offset }])
  if (answer?.kind === 'committed') say('committed', tp.partition, tp.epoch, offset)
  else if (answer) say('stale', tp.partition, tp.epoch, answer.epoch, answer.owner)
}
