import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { embedded } from '../../drivers/embedded/index.ts'
import { offset, silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { runCli } from '../program.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function holdfast(...args: string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env: {} }
  const code = await runCli(args, io)
  return { code, out, err }
}

const open = (folder: string): Promise<LogSystem> =>
  embedded(folder).open({ clock: systemClock, random: systemRandom, logger: silentLogger })

/** Folders of an old log with five events of which the first two are gone, and of a new one that is not there. */
async function folders(): Promise<{
  old: string
  to: string
  migrate: (...options: string[]) => Promise<Ran>
}> {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-migrate-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  const [old, to] = [join(made, 'old'), join(made, 'new')]
  const system = await open(old)
  await system.log.topics.create('orders', { partitions: 1, retentionMs: 86_400_000 })
  for (let n = 0; n < 5; n++)
    await system.log.append('orders', [
      { partition: 0, key: `k${n}`, value: Buffer.from(`${n}`), headers: {} },
    ])
  await system.log.deleteRecords({ topic: 'orders', partition: 0, offset: offset(2) })
  await system.imports?.positions('billing', [
    { topic: 'orders', partition: 0, offset: offset(4), note: '1 0' },
  ])
  await system.close()
  const what = ['log', 'migrate', '--from', 'embedded', '--log', old, '--to', 'embedded', '--target', to]
  return { old, to, migrate: (...options) => holdfast(...what, ...options) }
}

describe('holdfast log migrate', () => {
  it('says what it would do and changes nothing, does it, and lets nobody open the old log any more', async () => {
    const { old, to, migrate } = await folders()
    const dry = await migrate('--dry-run')
    expect(dry).toMatchObject({ code: 0, err: 'nothing was changed; to do it: the same without --dry-run\n' })
    expect(dry.out).toMatch(/^orders +1 +3 +\d+ +3 +2$/m)
    expect(dry.out).toMatch(/^billing +orders +1 +1$/m)
    expect(dry.out).toMatch(/^billing +0 +0$/m)
    expect(existsSync(to)).toBe(false)

    const moved = await migrate()
    expect(moved.code).toBe(0)
    expect(moved.out).toMatch(/^orders +1 +3 +equal$/m)
    expect(moved.err).toContain('each group goes on where it stood')
    const system = await open(to)
    expect(await system.groups.committed('billing')).toEqual([
      { topic: 'orders', partition: 0, offset: 4n, note: '1 0' },
    ])
    expect(await system.log.topics.describe('orders')).toMatchObject({ retentionMs: 86_400_000 })
    await system.close()

    const late = await holdfast('log', 'stats', old)
    expect(late).toMatchObject({ code: 4, out: '' })
    expect(late.err).toContain(`${old} went to embedded ${to} at `)
    expect((await migrate()).err).toContain('delete moved.json in its folder')
    rmSync(join(old, 'moved.json'))
    expect((await migrate('-o', 'json')).code, 'again, as nothing has changed').toBe(0)
  })

  it('refuses while somebody uses the old log, and says who', async () => {
    const { old, to, migrate } = await folders()
    const system = await open(old)
    const refused = await migrate()
    expect(refused).toMatchObject({ code: 4, out: '' })
    expect(refused.err).toContain(`the log is in use: ${old} is held by process ${process.pid}`)
    expect(refused.err).toContain('--follow')
    expect(existsSync(to)).toBe(false)
    await system.close()
    expect((await migrate()).code).toBe(0)
  })

  it('refuses a new log in which others have written, with all that stands in the way', async () => {
    const { to, migrate } = await folders()
    const system = await open(to)
    await system.log.topics.create('orders', { partitions: 1 })
    for (let n = 0; n < 9; n++)
      await system.log.append('orders', [{ partition: 0, value: null, headers: {} }])
    await system.imports?.positions('billing', [
      { topic: 'orders', partition: 0, offset: offset(9), note: '' },
    ])
    await system.close()
    for (const options of [['--dry-run', '-o', 'json'], []]) {
      const { code, out, err } = await migrate(...options)
      expect(code).toBe(4)
      expect(err).toContain(
        'orders/0 ends at 9 on the new log and at 5 on the old one: others have written there',
      )
      expect(err).toContain('group billing stands at 9 of orders/0 on the new log and at 4 on the old one')
      if (options.length > 0)
        expect(JSON.parse(out)).toMatchObject({ refused: [{}, {}].map(() => expect.any(String)) })
    }
  })

  it('refuses what it cannot make sense of, before anything is opened', async () => {
    const { old, migrate } = await folders()
    const to = ['log', 'migrate', '--from', 'embedded', '--log', old, '--to']
    for (const [args, words] of [
      [[...to, 'embedded'], 'no folder is named for the new log'],
      [[...to, 'kafka'], 'no broker is named for the new log'],
      [[...to, 'embedded', '--target', old], 'is the old log, and the new one'],
      [[...to, 'elsewhere'], 'Allowed choices are kafka, embedded'],
    ] as const)
      expect(await holdfast(...args)).toMatchObject({
        code: 2,
        err: expect.stringContaining(words) as unknown,
      })
    writeFileSync(join(old, '../app.ts'), 'export default 1')
    expect((await migrate('--app', join(old, '../app.ts'))).code).toBe(2)
    const missing = await holdfast(...to, 'embedded', '--target', `${old}-2`, '--log', `${old}-none`)
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('there is no log in') as unknown })
  })
})
