import { execFile } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import type { Summary } from '../../test/client/open-loop.ts'
import type { Load } from '../../test/client/plan.ts'

const main = join(import.meta.dirname, '../../test/client/main.ts')

/** The client of the end-to-end tests, with the events of the benchmarks. */
export async function postOpenLoop(
  load: Pick<Load, 'url' | 'ratePerSecond' | 'seconds' | 'run' | 'ledger'>,
  text: string,
): Promise<Summary> {
  const all: Load = {
    ...load,
    headers: { 'x-api-key': 'pk_bench' },
    keys: 10_000,
    // A slow server shows in the latency, and only one that hangs in what is not sent.
    maxInFlight: 20_000,
    seed: 7,
    body: '{"type":"moved","id":"{id}","data":{data}}',
    data: `{"vehicle":"{key}","n":{n},"text":"${text}"}`,
  }
  const { stdout } = await promisify(execFile)(process.execPath, [main, JSON.stringify(all)], {
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  const { summary } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { summary: Summary }
  // What was turned away has no latency, and would flatter that of the rest.
  if (summary.accepted < summary.planned) throw new Error(`not all were accepted: ${JSON.stringify(summary)}`)
  return summary
}
