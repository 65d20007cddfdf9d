import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runCli } from '../src/cli/program.ts'
import { startChild, type Child } from './harness/child.ts'
import { until } from './harness/until.ts'
import { holdfastIn, userProject } from './harness/user-project.ts'
import { describeOn, type SharedTestLog } from './support/test-logs.ts'

const page = readFileSync(fileURLToPath(new URL('../docs/operate.md', import.meta.url)), 'utf8')
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
)

/** The app of the page; on Kafka another line names the log, and commands are told the app for it. */
async function project(on: SharedTestLog): Promise<{ folder: string; env: Record<string, string> }> {
  if (on.kind === 'embedded') {
    const folder = userProject(shop(`embedded('.holdfast/log')`))
    return { folder, env: { HOLDFAST_DATA: join(folder, '.holdfast') } }
  }
  const { brokers } = await on.place()
  const folder = userProject(shop(`kafka({ brokers: '${brokers?.join(',')}' })`))
  return { folder, env: { HOLDFAST_APP: join(folder, 'shop.ts') } }
}

const shop = (log: string): Record<string, string> => ({
  'shop.ts': `
    import { app, embedded, kafka, topic } from 'holdfast'
    import { z } from 'zod'
    const orders = topic('orders', {
      key: 'customer', partitions: 1,
      events: { placed: z.object({ customer: z.string(), order: z.string() }) },
    })
    const shop = app({ name: 'shop', log: ${log} })
    shop.collector({ port: 0, topics: [orders], keys: { pk_demo: { tenant: 't1' } }, lameDuckMs: 0, spool: { folder: process.env.SPOOL || '.holdfast/spool' } })
    shop.consumer('billing', orders, { from: 'earliest' }).on('placed', event => console.log('billed: ' + event.data.order))
    export default shop`,
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

describeOn(['embedded', 'kafka'], 'operating', on => {
  it('a session as docs/operate.md has it: every command does what the page says', async () => {
    expect(commands.length).toBeGreaterThan(12)
    const { folder, env } = await project(on)
    const shop = await startChild({
      name: 'shop',
      args: [holdfastIn(folder), 'start', 'shop.ts', '--admin-port', '0'],
      cwd: folder,
    })
    const announced = (what: string): Promise<string> =>
      until(`the shop announces its ${what}`, () =>
        shop.stderr
          .map(line => new RegExp(`${what} (http:\\S+)`).exec(line)?.[1])
          .find(url => url !== undefined),
      )
    const door = await announced('collector')
    const admin = await announced('status')
    for (const order of ['o1', 'o2', 'o3']) await post(door, order)
    const billed = (): string[] => shop.stdout.filter(line => line.startsWith('billed: '))
    await until('all are billed', () => billed().length === 3)
    const shell = shellIn(folder, env)
    await until(
      'all is committed',
      async () => (await shell('npx holdfast group list --only-with-lag')).out === '',
    )

    const seen = new Map<string, string>()
    for (const command of commands) {
      const ran = await shell(command.replaceAll('http://127.0.0.1:4310', admin))
      expect(ran, command).toMatchObject({ code: 0 })
      seen.set(command, ran.out + ran.err)
    }
    const said = (start: string): string =>
      [...seen].find(([command]) => command.startsWith(start))?.[1] ?? ''
    expect(said('npx holdfast group list')).toMatch(/^billing +running +0/m)
    expect(said('npx holdfast group describe')).toContain('0 events behind; caught up')
    expect(said('npx holdfast explain o1')).toMatch(
      /^o1 {2}placed {2}key t1\/c\n {2}received .* by key pk_demo/,
    )
    expect(said('npx holdfast explain o1')).toContain('nothing durable says which')
    expect(said('npx holdfast event show o1 --payload')).toContain('"order":"o1"')
    expect(said('npx holdfast event find').match(/placed/g)).toHaveLength(3)
    expect(said('npx holdfast topic consume orders --from').match(/placed/g)).toHaveLength(1)
    expect(said('npx holdfast topic consume orders -o jsonl').trim().split('\n')).toHaveLength(2)
    expect(said('npx holdfast group reset billing --by-duration 1h')).toMatch(/^orders +0 +3 +0 +3 +0$/m)
    expect(said('npx holdfast group reset billing --by-duration 1h')).toContain('nothing was changed')
    expect(said('npx holdfast circuit open')).toMatch(/^billing-calls +OPEN/m)
    expect(said('npx holdfast audit list')).toMatch(/group\.reset .* done +wrong prices$/m)
    expect(said('npx holdfast audit verify')).toContain('each carries the hash of the one before')
    expect(said('npx holdfast check lag')).toMatch(/^OK lag: billing \d/)
    // They came again, in their order, because the reset was executed.
    await until('all are billed again', () => billed().length === 6)
    expect(billed().slice(3)).toEqual(billed().slice(0, 3))
    expect(await shop.terminate()).toEqual({ pid: shop.pid, code: 0, signal: null })
  })

  it('a group that is paused is paused in all its processes, and in one that was killed and starts again', async () => {
    const { folder, env } = await project(on)
    const start = (name: string): Promise<Child> =>
      startChild({
        name,
        args: [holdfastIn(folder), 'start', 'shop.ts', '--admin-port', '0'],
        env: { SPOOL: `.holdfast/spool-${name}` }, // two collectors never share one
        cwd: folder,
      })
    const [first, second] = await Promise.all([start('first'), start('second')])
    const doorOf = (child: Child): Promise<string> =>
      until(`${child.name} announces its door`, () =>
        child.stderr.map(line => /collector (http:\S+)/.exec(line)?.[1]).find(url => url !== undefined),
      )
    const billed = (...children: Child[]): string[] =>
      children.flatMap(({ stdout }) => stdout.filter(line => line.startsWith('billed: ')))
    await doorOf(first)
    const door = await doorOf(second)
    const shell = shellIn(folder, env)
    const members = async (): Promise<number> => {
      const { out } = await shell('npx holdfast group list -o json')
      const { groups } = JSON.parse(out) as { groups: { members: unknown[] }[] }
      return groups[0]?.members.length ?? 0
    }
    await until('both are members', async () => (await members()) === 2)
    expect(await shell('npx holdfast group pause billing --reason "ticket 7"')).toMatchObject({ code: 0 })
    expect(await members()).toBe(0)
    expect(await first.kill()).toMatchObject({ signal: 'SIGKILL' })
    const again = await start('again')
    await doorOf(again)
    await post(door, 'o1')
    const { out } = await shell('npx holdfast group describe billing')
    expect(out).toMatch(/^orders +0 +\S+ +1 +1 /m)
    expect(await members()).toBe(0)
    expect(billed(first, second, again)).toEqual([])
    expect(await shell('npx holdfast group resume billing')).toMatchObject({ code: 0 })
    await until('it is billed', () => billed(second, again).length === 1)
    await until('both are members again', async () => (await members()) === 2)
  })
})

/**
 * Runs lines as a terminal in the folder does. `npx holdfast` is run here: a process for each of them takes seconds on a
 * machine that has other things to do, and what the page promises is what the command says.
 */
function shellIn(folder: string, env: Record<string, string>): (line: string) => Promise<Ran> {
  return async line => {
    const [npx, holdfast, ...args] = wordsOf(line)
    if (npx !== 'npx' || holdfast !== 'holdfast') return inShell(line, folder)
    let [out, err] = ['', '']
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env }
    return { code: await runCli(args, io), out, err }
  }
}

/** As a shell splits a line that has quotes and nothing else. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, one, two, plain]) => one ?? two ?? plain ?? '',
  )
}

function inShell(line: string, cwd: string): Promise<Ran> {
  return new Promise(resolve => {
    const child = execFile('sh', ['-c', line], { cwd }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

async function post(door: string, order: string): Promise<void> {
  const answer = await fetch(`${door}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body: JSON.stringify({ type: 'placed', id: order, data: { customer: 'c', order } }),
  })
  expect(answer.status).toBe(202)
}
