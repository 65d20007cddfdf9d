import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { memory } from '../../drivers/memory/index.ts'
import { topic } from '../../schema/index.ts'
import { startAdmin } from '../../server/admin-server.ts'
import { app } from '../../server/app.ts'
import { runCli } from '../program.ts'
import { targetOf } from './target.ts'

interface World {
  readonly env: Record<string, string>
  /** A checkout with a folder in it, where commands are run. */
  readonly checkout: string
  readonly cwd: string
  readonly file: string
  readonly holdfast: (...args: string[]) => Promise<{ code: number; out: string; err: string }>
}

function world(more: Record<string, string> = {}, input = ''): World {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-target-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  const [home, checkout] = [join(made, 'home'), join(made, 'outside', 'checkout')]
  const cwd = join(checkout, 'src')
  for (const folder of [home, cwd, join(checkout, '.git')]) mkdirSync(folder, { recursive: true })
  const env = { HOME: home, ...more }
  return {
    env,
    checkout,
    cwd,
    file: join(home, '.config', 'holdfast', 'contexts.json'),
    async holdfast(...args) {
      let [out, err] = ['', '']
      const io = {
        out: (text: string) => (out += text),
        err: (text: string) => (err += text),
        env,
        cwd,
        input: [Buffer.from(input)] as unknown as AsyncIterable<Uint8Array>,
      }
      const code = await runCli(args, io)
      return { code, out, err }
    },
  }
}

const prod = 'url=https://holdfast.example:4310'

describe('contexts', () => {
  it('are named, used, changed and forgotten, in a file that only its owner can read', async () => {
    const { holdfast, file } = world({}, 'a-token-that-nobody-sees\n')
    expect((await holdfast('context', 'list')).err).toContain('no contexts')
    await holdfast('context', 'set', 'here', 'url=http://127.0.0.1:4310')
    expect(await holdfast('context', 'set', 'prod', prod, 'token=-')).toMatchObject({ code: 0 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await holdfast('context', 'use', 'here')
    await holdfast('context', 'use', 'prod')
    const listed = await holdfast('context', 'list')
    expect(listed.out).toMatch(/\n\* +prod +https:\/\/holdfast.example:4310 +\(set\)\n/)
    expect(listed.out).not.toContain('nobody-sees')
    expect(readFileSync(file, 'utf8')).toContain('"token": "a-token-that-nobody-sees"')
    expect((await holdfast('context', 'use', '-')).err).toContain('ask here')
    await holdfast('context', 'set', 'here', 'url=http://127.0.0.1:4311')
    await holdfast('context', 'rm', 'prod')
    expect((await holdfast('context', 'list')).out).toMatch(
      /^ +NAME.*\n\* +here +http:\/\/127.0.0.1:4311 +-\n$/,
    )
    expect((await holdfast('context', 'use', 'prod')).code).toBe(3)
    for (const wrong of [
      ['set', 'x'],
      ['set', 'x', 'url=ftp://h'],
      ['set', 'x', 'color=red'],
      ['set', 'a b', prod],
    ])
      expect((await holdfast('context', ...wrong)).code, wrong.join(' ')).toBe(2)
  })

  it('are not read from a file that others can read, and not lost with one that is damaged', async () => {
    const { holdfast, file } = world()
    await holdfast('context', 'set', 'prod', prod)
    chmodSync(file, 0o640)
    const open = await holdfast('context', 'list')
    expect(open.code).toBe(4)
    expect(open.err).toContain(`chmod 600 ${file}`)
    chmodSync(file, 0o600)
    writeFileSync(file, '{')
    expect((await holdfast('context', 'set', 'other', prod)).code).toBe(2)
    expect(readFileSync(file, 'utf8')).toBe('{')
  })

  it('name a process that a command asks with their token, and says so where the command line does not', async () => {
    const orders = topic('orders', { events: { placed: z.object({}) } })
    const a = app({ name: 'shop', log: memory() })
    a.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
    const tokens = [{ name: 'ada', role: 'viewer', token: 'a-token-of-ada-1' }] as const
    await a.start()
    const admin = await startAdmin(a.admin, { port: 0, tokens })
    onTestFinished(async () => {
      await admin.close()
      await a.stop()
    })
    const { holdfast } = world()
    await holdfast('context', 'set', 'shop', `url=${admin.url}`, 'token=a-token-of-ada-1')
    const named = await holdfast('group', 'list', '--context', 'shop')
    expect(named).toMatchObject({ code: 0, err: '' })
    expect(named.out).toContain('billing')
    await holdfast('context', 'use', 'shop')
    const current = await holdfast('group', 'list')
    expect(current).toMatchObject({ code: 0, err: `asking shop (${admin.url}), by the context\n` })
    // An address that another names gets no token of a context.
    expect((await holdfast('group', 'list', '--url', admin.url)).code).toBe(6)
    const shown = await holdfast('config', 'show', '--origin')
    expect(shown.out).toContain(`${admin.url} (context shop)`)
    expect(shown.out).not.toContain('a-token-of-ada-1')
  })
})

describe('whom a command asks', () => {
  it('is said by the nearest: flag, environment, project file, current context, default', async () => {
    const { holdfast, env, cwd, checkout } = world()
    await holdfast('context', 'set', 'one', 'url=http://one')
    await holdfast('context', 'set', 'two', 'url=http://two', 'token=t2')
    const project = join(checkout, 'holdfast.config.json')
    const asks = (options: Parameters<typeof targetOf>[0] = {}, more: Record<string, string> = {}): unknown =>
      targetOf(options, { env: { ...env, ...more }, cwd })

    expect(asks()).toMatchObject({ kind: 'log', folder: join('.holdfast', 'log'), origin: 'default' })
    await holdfast('context', 'use', 'one')
    expect(asks()).toMatchObject({ kind: 'process', url: 'http://one', origin: 'context' })
    writeFileSync(project, '{ "context": "two" }')
    expect(asks()).toMatchObject({ url: 'http://two', token: 't2', origin: 'project file' })
    const folder = { HOLDFAST_DATA: '/d' }
    expect(asks({}, folder)).toMatchObject({ kind: 'log', folder: '/d/log', origin: 'environment' })
    expect(asks({ token: 'mine' })).toMatchObject({ url: 'http://two', token: 'mine' })
    writeFileSync(project, '{ "log": "data/log" }')
    expect(asks()).toMatchObject({ kind: 'log', folder: join(checkout, 'data/log'), origin: 'project file' })
    expect(asks({}, folder)).toMatchObject({ kind: 'log', folder: '/d/log', origin: 'environment' })
    const url = { ...folder, HOLDFAST_URL: 'http://env', HOLDFAST_TOKEN: 'te' }
    expect(asks({}, url)).toMatchObject({ url: 'http://env', token: 'te', origin: 'environment' })
    const app = { ...folder, HOLDFAST_APP: 'shop.ts' }
    expect(asks({}, app)).toMatchObject({ kind: 'log', app: 'shop.ts', origin: 'environment' })
    expect(asks({ app: 'other.ts' }, app)).toMatchObject({ kind: 'log', app: 'other.ts', origin: 'flag' })
    expect(asks({}, { ...app, HOLDFAST_URL: 'http://env' })).toMatchObject({ kind: 'process' })
    expect(asks({ context: 'one' }, url)).toMatchObject({ url: 'http://one', token: 'te', origin: 'flag' })
    expect(asks({ log: '/l' }, url)).toMatchObject({ kind: 'log', folder: '/l', origin: 'flag' })
    expect(asks({ url: 'http://flag' }, url)).toMatchObject({ url: 'http://flag', origin: 'flag' })
    expect(() => asks({ url: 'http://flag', log: '/l' })).toThrow('--url and --log name different things')
  })

  it('is not said by a project file above the checkout, nor by one that says what it must not', async () => {
    const { holdfast, env, cwd, checkout } = world()
    writeFileSync(join(checkout, '..', 'holdfast.config.json'), '{ "log": "/elsewhere" }')
    expect(targetOf({}, { env, cwd })).toMatchObject({ origin: 'default' })
    const project = join(checkout, 'holdfast.config.json')
    for (const wrong of [
      '{',
      '[',
      '{ "url": "http://evil" }',
      '{ "log": 1 }',
      '{ "log": "a", "context": "b" }',
    ]) {
      writeFileSync(project, wrong)
      const listed = await holdfast('group', 'list')
      expect(listed.code, wrong).toBe(2)
      expect(listed.err).toContain(project)
      expect((await holdfast('config', 'validate')).code).toBe(7)
    }
    // In a folder that is no checkout only the folder itself counts.
    writeFileSync(project, '{ "log": "here" }')
    expect(targetOf({}, { env, cwd })).toMatchObject({ folder: join(checkout, 'here') })
    rmSync(join(checkout, '.git'), { recursive: true })
    expect(targetOf({}, { env, cwd })).toMatchObject({ origin: 'default' })
    expect(targetOf({}, { env, cwd: checkout })).toMatchObject({ folder: join(checkout, 'here') })
  })
})
