import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { scale, seed } from '../../../test/harness/scale.ts'
import { lookAtAll, openLog } from '../../../test/embedded/open.ts'
import type { Damage, Task } from '../../../test/embedded/damaged-reader.ts'
import { isHoldfastError, offset, seededRandom } from '../../event/index.ts'
import { verifyLog } from './verify.ts'

const PAGE = 4096
const META_BYTES = 168
const reader = join(import.meta.dirname, '../../../test/embedded/damaged-reader.ts')
const topics = { small: 2, large: 1 } as const
const partitions = Object.entries(topics).flatMap(([topic, count]) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition })),
)
const group = 'group'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-damage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A small log with all that a log holds: branch pages, leaves, values that fill pages of their own, free pages. */
async function makeLog(folder: string): Promise<Record<string, string>> {
  const system = await openLog(folder)
  for (const [topic, partitions] of Object.entries(topics))
    await system.log.topics.create(topic, { partitions })
  const commits = scale({ short: 24, long: 60 })
  for (let i = 0; i < commits; i++) {
    const value = Buffer.alloc(600, i)
    const dedup = { scope: 's', source: 'x', id: String(i), hash: Buffer.alloc(32, i) }
    await system.log.append('small', [
      { partition: i % 2, key: `k${i}`, value, headers: { n: String(i) }, dedup },
    ])
    if (i % 6 === 0)
      await system.log.append('large', [{ partition: 0, value: Buffer.alloc(9_000, i), headers: {} }])
  }
  const positions = partitions.map(tp => ({ ...tp, offset: offset(3) }))
  await system.groups.move(group, positions)
  const seen = await lookAtAll(system, partitions, group)
  await system.close()
  return seen
}

describe('damage to the file', () => {
  it('hazard 15: every page, zeroed, overwritten or with a bit flipped: read as written, or stopped and reported', async () => {
    const whole = newFolder()
    const expected = await makeLog(whole)
    expect(Object.values(expected).filter(text => text.startsWith('refused'))).toEqual([])
    const pages = statSync(join(whole, 'data.mdb')).size / PAGE
    const random = seededRandom(seed)
    const flips = scale({ short: 1, long: 20 })
    const damages: Damage[] = Array.from({ length: pages }, (_, page) => [
      { page, pageSize: PAGE, kind: 'zero' as const, bit: 0 },
      { page, pageSize: PAGE, kind: 'header' as const, bit: 0 },
      ...Array.from({ length: flips }, () => ({
        page,
        pageSize: PAGE,
        kind: 'flip' as const,
        bit: Math.floor(random() * PAGE * 8),
      })),
    ]).flat()
    const { counts, notes, died } = await readDamaged(whole, { damages, partitions, group, expected })
    observed(`${pages} pages, ${damages.length} damages: ${JSON.stringify(counts)}`)
    expect(notes).toEqual([])
    expect(counts['stopped'], 'damage that was met').toBeGreaterThan(pages / 4)
    expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(damages.length)
    // Those that kill a reader are what verify has a process of its own for.
    for (const folder of died.slice(0, scale({ short: 2, long: 20 }))) {
      const report = await verifyLog(folder)
      expect(report, folder).toMatchObject({ ok: false })
    }
  })

  it('hazard 15: a bit flipped anywhere in what LMDB begins with: read as written, or refused', async () => {
    const whole = newFolder()
    const expected = await makeLog(whole)
    const step = scale({ short: 23, long: 1 })
    const bits = Array.from({ length: Math.floor((META_BYTES * 8) / step) }, (_, i) => i * step)
    const damages: Damage[] = [0, 1].flatMap(page =>
      // The one bit that cannot be told from what LMDB leaves after a failed write: see meta-page.ts.
      bits
        .filter(bit => bit !== 152 * 8 + 1)
        .map(bit => ({ page, pageSize: PAGE, kind: 'flip' as const, bit })),
    )
    const { counts, notes } = await readDamaged(whole, { damages, partitions, group, expected })
    observed(`${damages.length} bits: ${JSON.stringify(counts)}`)
    expect(notes).toEqual([])
    expect(counts['refused']).toBeGreaterThan(0)
  })

  it('hazard 14: a file cut at any page is refused with what is missing, time after time, and kills nobody', async () => {
    const whole = newFolder()
    await makeLog(whole)
    const { size } = statSync(join(whole, 'data.mdb'))
    const refusals: string[] = []
    for (let bytes = 0; bytes < size; bytes += PAGE) {
      const folder = newFolder()
      for (const file of ['data.mdb', 'holdfast.json']) copyFileSync(join(whole, file), join(folder, file))
      truncateSync(join(folder, 'data.mdb'), bytes)
      for (let start = 0; start < 2; start++) {
        const error = await openLog(folder).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(isHoldfastError(error, 'LOG_CORRUPT'), `cut at ${bytes}: ${String(error)}`).toBe(true)
      }
      refusals.push(String(bytes))
    }
    expect(refusals).toHaveLength(Math.ceil(size / PAGE))
    observed(`${refusals.length} cuts refused, twice each`)
  })
})

interface Results {
  readonly counts: Record<string, number>
  /** What must not be. */
  readonly notes: readonly string[]
  /** Copies that killed their reader. */
  readonly died: readonly string[]
}

/** Readers in processes of their own, one after the other: the next goes on behind what killed the one before. */
async function readDamaged(whole: string, task: Task): Promise<Results> {
  const copies = newFolder()
  const taskFile = join(copies, 'task.json')
  mkdirSync(copies, { recursive: true })
  writeFileSync(taskFile, JSON.stringify(task))
  const counts: Record<string, number> = { equal: 0, stopped: 0, refused: 0, died: 0 }
  const notes: string[] = []
  const died: string[] = []
  for (let next = 0; next < task.damages.length;) {
    const child = await startChild({ name: 'reader', args: [reader, whole, copies, taskFile, String(next)] })
    const { code, signal } = await child.exited
    const said = child.stdout.map(line => JSON.parse(line) as Record<string, unknown>)
    for (const { ends, outcome, detail } of said.filter(({ ends }) => ends !== undefined)) {
      const name = String(outcome)
      counts[name] = (counts[name] ?? 0) + 1
      if (!['equal', 'stopped', 'refused'].includes(name)) {
        notes.push(`${JSON.stringify(task.damages[Number(ends)])} ${name}: ${String(detail)}`)
      }
    }
    const begun = said.findLast(({ begins }) => begins !== undefined)?.['begins'] as number
    const ended = said.findLast(({ ends }) => ends !== undefined)?.['ends'] as number | undefined
    if (begun !== ended) {
      counts['died'] = (counts['died'] ?? 0) + 1
      died.push(join(copies, String(begun)))
      // An exception is no death by the page: it would be one in the app, too.
      if (signal === null && code !== 134) notes.push(`reader ended with ${code}: ${child.stderr.join('\n')}`)
    }
    next = begun + 1
  }
  return { counts, notes, died }
}
