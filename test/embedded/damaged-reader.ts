import {
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
  closeSync,
} from 'node:fs'
import { join } from 'node:path'
import { lookAtAll, openLog } from './open.ts'

/**
 * Reads one damaged copy of a log after the other through the driver, and says what became of each. It may die of one:
 * whoever started it goes on behind that one. Arguments: the whole log, a folder for copies, a file with the damages,
 * the number of the first.
 */
export interface Damage {
  readonly page: number
  readonly pageSize: number
  readonly kind: 'zero' | 'header' | 'flip'
  /** The bit of the page to flip. */
  readonly bit: number
}

export interface Task {
  readonly damages: readonly Damage[]
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  readonly group: string
  readonly expected: Readonly<Record<string, string>>
}

const [whole = '', copies = '', taskFile = '', first = '0'] = process.argv.slice(2)
const task = JSON.parse(readFileSync(taskFile, 'utf8')) as Task

for (const [i, damage] of task.damages.entries()) {
  if (i < Number(first)) continue
  say({ begins: i })
  say({ ends: i, ...(await outcomeOf(damage, join(copies, String(i)))) })
  rmSync(join(copies, String(i)), { recursive: true }) // those that killed it stay for who looks closer
}
process.exit(0) // environments that were refused half way stay open

async function outcomeOf(damage: Damage, folder: string): Promise<{ outcome: string; detail: string }> {
  makeDamaged(damage, folder)
  let system
  try {
    system = await openLog(folder)
  } catch (error) {
    const code = String((error as { code?: unknown }).code)
    return { outcome: code === 'LOG_CORRUPT' ? 'refused' : `refused oddly`, detail: String(error) }
  }
  const seen = await lookAtAll(system, task.partitions, task.group)
  const silent = Object.keys(task.expected).filter(
    name => seen[name] !== task.expected[name] && seen[name] !== 'refused: LOG_CORRUPT',
  )
  const stopped = Object.keys(task.expected).filter(name => seen[name] === 'refused: LOG_CORRUPT')
  const detail = [...silent, ...stopped]
    .map(name => `${name}: ${(seen[name] ?? '').slice(0, 100)}`)
    .join('; ')
  if (silent.length > 0) return { outcome: 'silent', detail }
  return { outcome: stopped.length > 0 ? 'stopped' : 'equal', detail }
}

function makeDamaged({ page, pageSize, kind, bit }: Damage, folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const file of ['data.mdb', 'holdfast.json']) copyFileSync(join(whole, file), join(folder, file))
  const fd = openSync(join(folder, 'data.mdb'), 'r+')
  const bytes = Buffer.alloc(pageSize)
  readSync(fd, bytes, 0, pageSize, page * pageSize)
  if (kind === 'zero') bytes.fill(0)
  else if (kind === 'header') bytes.fill(0xff, 0, 24)
  else bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
  writeSync(fd, bytes, 0, pageSize, page * pageSize)
  closeSync(fd)
}

function say(what: Record<string, unknown>): void {
  writeSync(1, `${JSON.stringify(what)}\n`)
}
