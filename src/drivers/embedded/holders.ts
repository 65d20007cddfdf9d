import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { HoldfastError, sleep, type Clock } from '../../event/index.ts'
import { systemProcessProbe, type ProcessIdentity } from '../../log/index.ts'

/**
 * Who has the folder open: a file for each process in `holders/`, touched every {@link BEAT_MS}. Processes of one boot
 * and one process namespace share the folder by design, since LMDB's lock and the leases of groups work among them.
 * With others they do not: a folder that such a process holds is refused.
 */
export interface Holding {
  release(): void
}

interface Holder extends ProcessIdentity {
  readonly host: string
  readonly namespace: string
  /** It shares the folder with nobody, not even with processes like itself: it puts another file in place of the log's. */
  readonly alone?: boolean
}

/** Rejects with `LOG_IN_USE` naming the holder. `alone` is refused while any other holds it, and refuses all that come. */
export async function holdFolder(folder: string, clock: Clock, as: 'shared' | 'alone'): Promise<Holding> {
  const holders = join(folder, 'holders')
  mkdirSync(holders, { recursive: true })
  const probe = systemProcessProbe()
  const self: Holder = {
    ...probe.self,
    host: hostname(),
    namespace: processNamespace(),
    alone: as === 'alone',
  }
  // With the namespace: the first process of every container has the id 1.
  const namespace = self.namespace.replaceAll(/\D/g, '')
  const file = join(holders, `${self.bootId.slice(0, 8)}-${namespace}-${self.pid}-${++openings}.json`)
  // First this, then the look: of two that come at once and do not share, each sees the other.
  writeFileSync(`${file}.new`, JSON.stringify(self))
  renameSync(`${file}.new`, file) // never half a file under this name
  // Already while it looks: that may take long, and who comes meanwhile must not find a file that shows no life.
  const holding = keep(file, clock)
  try {
    for (const name of readdirSync(holders)) {
      const other = join(holders, name)
      if (other === file || !name.endsWith('.json')) continue
      const holder = readHolder(other)
      if (holder === undefined) continue
      const ours = holder.bootId === self.bootId && holder.namespace === self.namespace
      const gone = ours ? probe.alive(holder) === false : await isGone(other, file, clock)
      if (gone) rmSync(other, { force: true })
      else if (!ours || as === 'alone' || holder.alone === true) throw inUse(folder, holder)
    }
  } catch (error) {
    holding.release()
    throw error
  }
  return holding
}

/** Other living processes that hold the folder, while this one does: strangers were refused or are kept out by then. */
export function otherHolders(folder: string): readonly number[] {
  const probe = systemProcessProbe()
  const holders = readdirSync(join(folder, 'holders'))
    .filter(name => name.endsWith('.json'))
    .map(name => readHolder(join(folder, 'holders', name)))
    .filter(holder => holder !== undefined)
    .filter(holder => holder.pid !== probe.self.pid && probe.alive(holder) !== false)
  return [...new Set(holders.map(({ pid }) => pid))].toSorted((a, b) => a - b)
}

/** A process may have the folder open more than once. */
let openings = 0

function keep(file: string, clock: Clock): Holding {
  const beat = (): void => {
    touch(file)
    cancel = clock.after(BEAT_MS, beat)
  }
  let cancel = clock.after(BEAT_MS, beat)
  return {
    release() {
      cancel()
      rmSync(file, { force: true })
    },
  }
}

const BEAT_MS = 2_000
/** A stranger that does not touch its file for so long is gone: of an earlier boot, mostly. */
const PATIENCE_MS = 10_000

/** Compares times of the file system only: clocks of strangers are not compared. */
async function isGone(other: string, own: string, clock: Clock): Promise<boolean> {
  const before = modifiedAt(other)
  if (before === undefined || (modifiedAt(own) ?? 0) - before > PATIENCE_MS) return true
  for (let waited = 0; waited < PATIENCE_MS; waited += BEAT_MS / 4) {
    await sleep(clock, BEAT_MS / 4)
    const now = modifiedAt(other)
    if (now === undefined) return true
    if (now !== before) return false
  }
  return true
}

function modifiedAt(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs
}

/** By the file system's own clock: another than ours may write other files there. */
function touch(file: string): void {
  try {
    const fd = openSync(file, 'r+')
    writeSync(fd, '{', 0) // as it begins anyway
    closeSync(fd)
  } catch {
    // A disk that is full or gone is told of by the log itself.
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined // released this moment, or torn by a power cut: then its process is gone too
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return '' // not Linux
  }
}

function inUse(folder: string, holder: Holder): HoldfastError {
  return new HoldfastError('LOG_IN_USE', {
    detail: `${folder} is held by process ${holder.pid} on ${holder.host} (boot ${holder.bootId}, ${holder.namespace})`,
    facts: { folder, pid: holder.pid, host: holder.host, bootId: holder.bootId },
  })
}
