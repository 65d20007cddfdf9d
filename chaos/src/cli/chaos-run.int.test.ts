import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { childrenOf, isAlive } from '../../../src/server/processes.ts'
import { runCli } from '../../../src/cli/program.ts'
import { startChild, type Child } from '../../../test/harness/child.ts'
import { until } from '../../../test/harness/until.ts'
import type { Result } from '../contract/result.ts'

vi.setConfig({ testTimeout: 180_000 })

const bin = path.join(import.meta.dirname, '../../../bin/holdfast.js')

function folder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-chaos-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function holdfast(data: string, ...args: string[]): Promise<Child> {
  return startChild({ name: 'holdfast', args: [bin, ...args], env: { HOLDFAST_DATA: data } })
}

/** A process and all below it. */
function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)]
}

test('Ctrl-C in the middle of a fault: no process is left, and a partial report says so', async () => {
  const data = folder()
  const command = await holdfast(data, 'chaos', 'run', 'demo', '--duration', '30s', '--rate', '20')
  await until('the fault is seen', () => command.stderr.some(line => line.includes('met ECONNREFUSED')))
  const all = family(command.pid)
  // Two arms of one and two processes. PostgreSQL is dead at this moment.
  expect(all.length).toBeGreaterThanOrEqual(4)
  process.kill(command.pid, 'SIGINT')
  expect(await command.exited).toMatchObject({ code: 130 })
  expect(all.filter(isAlive)).toEqual([])

  const [run = ''] = readdirSync(path.join(data, 'chaos')).filter(name => name.endsWith('-demo'))
  const at = (file: string): string => path.join(data, 'chaos', run, file)
  const result = JSON.parse(readFileSync(at('result.json'), 'utf8')) as Result
  expect(result).toMatchObject({ partial: true, checks: [], scenario: { name: 'demo' } })
  expect(result.arms.map(({ name, problems }) => [name, problems])).toEqual(
    ['rest', 'holdfast'].map(name => [
      name,
      ['interrupted before the audit: what was stored and lost is not known'],
    ]),
  )
  expect(result.command).toBe('holdfast chaos run demo --duration 30s --rate 20 --seed 1')
  expect(existsSync(at('report.html'))).toBe(true)
  expect(command.stdout.join('\n')).toContain('Interrupted: nothing is asserted.')
})

test('a check that does not hold is exit code 7, and the run can be looked at afterwards', async () => {
  const data = folder()
  const json = path.join(data, 'r.json')
  const args = [
    '--arms',
    'rest',
    '--duration',
    '3s',
    '--fault-at',
    '1s',
    '--fault-for',
    '500ms',
    '--json',
    json,
  ]
  const wrong = await holdfast(
    data,
    'chaos',
    'run',
    'rest-vs-log',
    ...args,
    '--assert',
    'rest: accepted == 0',
  )
  expect((await wrong.exited).code).toBe(7)
  expect(wrong.stdout.join('\n')).toMatch(/FAIL {2}rest: accepted == 0/)
  expect((JSON.parse(readFileSync(json, 'utf8')) as Result).checks).toMatchObject([{ passed: false }])

  expect((await here(data, 'chaos', 'compare', json, json)).out).toMatch(/Sends for each event +1 × +1 ×/)
  expect((await here(data, 'chaos', 'list')).out).toMatch(/rest-vs-log +0 of 1 checks/)
})

test.each([
  [['nothing'], 'scenarios are rest-vs-log, published, burst, high-rate, on-kafka, demo'],
  [['demo', '--assert', 'lots == 0'], 'there is no measure lots; allowed: planned'],
  [['demo', '--arms', 'soap'], 'there is no arm soap; allowed: rest'],
  [['demo', '--fault-for', 'long'], 'a duration such as 45s, 2m or 500ms'],
  [['demo', '--postgres', 'postgres://127.0.0.1:1/x'], 'only for a PostgreSQL that this command started'],
] as const)('chaos run %j is exit code 2, and says what is allowed', async (args, message) => {
  const { code, err } = await here(folder(), 'chaos', 'run', ...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
})

/** The same command in this process. */
async function here(data: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const env = { HOLDFAST_DATA: data }
  const code = await runCli(args, { out: text => (out += text), err: text => (err += text), env })
  return { code, out, err }
}

test('holdfast load prints what became of its events, keeps its ledger, and says the same to k6', async () => {
  const keys: (string | undefined)[] = []
  const server = createServer((request, response) => {
    keys.push(request.headers['x-api-key'] as string | undefined)
    request.resume().on('end', () => response.writeHead(keys.length > 15 ? 429 : 202).end())
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`
  const ledger = folder()
  const common = ['load', '--target', url, '--rate', '20', '--duration', '1s', '--key', 'pk_demo']
  const load = await holdfast(ledger, ...common, '--ledger', ledger)
  // Not all were accepted.
  expect((await load.exited).code).toBe(1)
  const text = load.stdout.join('\n')
  expect(text).toMatch(/planned +20 {2}= sent 20 \+ unsent 0/)
  expect(text).toMatch(/sent +20 {2}= accepted 15 \+ refused 5 \+ unanswered 0/)
  expect(text).toContain('202: 15, 429: 5')
  expect(keys).toEqual(Array(20).fill('pk_demo'))
  expect(readFileSync(path.join(ledger, '0.jsonl'), 'utf8')).toMatch(/^\{"line":"run","planned":20\}\n/)

  const { code, out: script } = await here(ledger, ...common, '--k6')
  expect(code).toBe(0)
  expect(script).toContain('"executor": "constant-arrival-rate"')
  expect(script).toContain(url)
  expect(script).toContain('"x-api-key": "pk_demo"')
  expect(keys).toHaveLength(20)
})
