/** What the tests of the arms share: a stage, and a few events sent one by one with a ledger as the runner keeps it. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { audit, ledgerOf, type Audit, type LedgerLine } from 'holdfast/testing'
import { onTestFinished } from 'vitest'
import { send } from '../../../test/client/send.ts'
import { until } from '../../../test/harness/until.ts'
import { dependencies as starters } from './dependencies/index.ts'
import type { Arm, Dependency, RunningArm, Stage, Target } from '../contract/arm.ts'

/** A new folder that is gone when the test ends. */
export function testFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-arm-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function startArm(
  arm: Arm,
  databaseUrl: string,
  { flags = [], dependencies = [] }: { flags?: readonly string[]; dependencies?: readonly Dependency[] } = {},
): Promise<RunningArm & { sender: Sender }> {
  const signal = new AbortController().signal
  const stage: Stage = {
    databaseUrl,
    folder: testFolder(),
    flags: new Set(flags),
    dependencies: Object.fromEntries(dependencies.map(({ name, url }) => [name, url])),
    signal,
  }
  const running = await arm.start(stage)
  onTestFinished(() => running.stop())
  return Object.assign(running, { sender: sender(running.target) })
}

/** Started for this test; stopped when it ends. */
export async function testDependency(name: string): Promise<Dependency> {
  const started = await starters[name]?.({ folder: testFolder(), signal: new AbortController().signal })
  if (!started) throw new Error(`no dependency ${name}`)
  onTestFinished(() => started.stop())
  return started
}

/** Waits until the arm says that it has done everything, and audits it. */
export async function drainedAudit(running: RunningArm & { sender: Sender }): Promise<Audit> {
  await until('the arm has drained', () => running.isDrained())
  return audit(running.sender.ledger(), await running.evidence())
}

interface Sender {
  /** Sends so many events one after another; answers what became of each. `poison` sends what nobody can handle. */
  post(count: number, options?: { readonly poison?: boolean }): Promise<string[]>
  ledger(): ReturnType<typeof ledgerOf>
}

function sender(target: Target): Sender {
  const lines: LedgerLine[] = []
  const agent = new Agent({ keepAlive: false }) // a kept connection to a killed server would fail for that alone
  let next = 0
  return {
    async post(count, { poison = false } = {}) {
      const outcomes: string[] = []
      for (const end = next + count; next < end; next++) {
        const [id, key] = [`e-${next}`, `k${next % 3}`]
        const fill = (template: string): string =>
          template.replaceAll('{id}', id).replaceAll('{key}', key).replaceAll('{n}', String(next))
        const data = fill(poison ? (target.poison ?? '') : target.data)
        const body = fill(target.body).replace('{data}', () => data)
        const hash = createHash('sha256').update(data).digest('hex')
        lines.push({ line: 'sent', id, key, hash, at: performance.now() })
        const { url, headers } = target
        const { outcome } = await send({ url, headers, body, timeoutMs: 20_000, agent })
        lines.push({ line: 'answer', id, outcome, at: performance.now() })
        outcomes.push(outcome)
      }
      return outcomes
    },
    ledger: () => ledgerOf([{ line: 'run', planned: next }, ...lines]),
  }
}
