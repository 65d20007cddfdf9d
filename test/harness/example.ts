import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFailed, onTestFinished } from 'vitest'
import { startChild, type Child } from './child.ts'
import { inTerminal, type Terminal } from './terminal.ts'
import { until } from './until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** `npm start` without npm: the same process, on ports of its own. */
export interface Example {
  readonly child: Child
  /** Where it serves, once its banner is there. */
  running(): Promise<{
    readonly collectorUrl: string
    readonly adminUrl: string
    readonly databaseUrl: string
  }>
  /** Everything on stdout and stderr so far. */
  said(): string
}

/** A folder for an example whose name needs quoting, which is not there yet. Gone when the test ends. */
export function exampleFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast example ü '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return join(folder, 'data')
}

export interface ExampleOptions {
  /** The data folder. */
  readonly data: string
  readonly args?: readonly string[]
  /** Defaults to a PostgreSQL of its own below `data`. */
  readonly databaseUrl?: string
  readonly env?: Readonly<Record<string, string>>
}

export async function startExample({
  data,
  args = ['--no-traffic'],
  databaseUrl = '',
  env,
}: ExampleOptions): Promise<Example> {
  const child = await startChild({
    name: 'npm start',
    args: ['--conditions=holdfast-source', join(root, 'examples/campaigns/src/main.ts'), ...args],
    cwd: root,
    env: { ...exampleEnvironment(data, databaseUrl), ...env },
  })
  const said = (): string => [...child.stdout, ...child.stderr].join('\n')
  return {
    child,
    said,
    async running() {
      await child.line(/Ctrl-C stops/, 120_000)
      return JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as Awaited<
        ReturnType<Example['running']>
      >
    },
  }
}

/** The same in a terminal, through the script that npm runs. */
export function startInTerminal(data: string, ...args: readonly string[]): Terminal {
  const command = [process.execPath, 'scripts/bootstrap.js', 'start', '--no-traffic', ...args].join(' ')
  const terminal = inTerminal(command, exampleEnvironment(data))
  onTestFailed(() => void process.stderr.write(`on the screen:\n${terminal.screen()}\n`))
  onTestFinished(() => terminal.hangUp())
  return terminal
}

export function exampleEnvironment(data: string, databaseUrl = ''): Record<string, string> {
  return { HOLDFAST_PORT: '0', HOLDFAST_ADMIN_PORT: '0', HOLDFAST_DATA: data, DATABASE_URL: databaseUrl }
}

/** Posts one click; answers the response. */
export function click(collectorUrl: string, campaignId = 'c1'): Promise<Response> {
  return fetch(`${collectorUrl}/api/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body: JSON.stringify({ type: 'click', campaignId }),
  })
}

/** Waits until every group has done everything. */
export async function drained(adminUrl: string): Promise<void> {
  await until('every group has done everything', async () => {
    const report = (await (await fetch(`${adminUrl}/status.json`)).json()) as {
      standing: { groups: { state: string; lag: string; partitions: unknown[] }[] }
    }
    return report.standing.groups.every(
      ({ state, lag, partitions }) => state === 'running' && lag === '0' && partitions.length > 0,
    )
  })
}

/** Living processes whose command line names `folder`, such as a PostgreSQL with its data there. */
export function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
      } catch {
        return false // gone since
      }
    })
    .map(Number)
}
