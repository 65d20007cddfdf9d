import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Ledger } from '../../../test/embedded/ledger.ts'
import { killChildren } from '../../../test/embedded/child.ts'
import { startLoad } from '../../../test/embedded/load.ts'
import { scale } from '../../../test/harness/scale.ts'
import { whyNoStrace } from '../../../test/harness/strace.ts'

const missing = whyNoStrace('fdatasync:error=EIO')

/** Which call of a thread fails, once. The first few are of the main thread as well, while it opens the log. */
const faults = scale({
  short: [
    { call: 'fdatasync', when: 16 },
    { call: 'fdatasync', when: 27 },
    { call: 'pwrite64', when: 40 },
    { call: 'pwrite64', when: 41 },
    { call: 'pwrite64', when: 42 },
    { call: 'pwrite64', when: 43 },
  ],
  long: Array.from({ length: 60 }, (_, i) => [
    { call: 'fdatasync', when: 16 + i },
    { call: 'pwrite64', when: 30 + i },
  ]).flat(),
})

afterEach(killChildren)

describe.skipIf(missing)(`a disk error in a commit${missing ? `, not run: needs ${missing}` : ''}`, () => {
  // LMDB writes pages by pwrite64, syncs them by fdatasync, and writes the page that names the new state through a
  // descriptor with O_DSYNC. The one thread of the pool makes all commits under load.
  it.each(faults)(
    'hazard 2: EIO of $call $when: nothing is acknowledged any more, and all before is there',
    async ({ call, when }) => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-eio-'))
      const trace = join(folder, 'trace')
      const log = join(folder, 'log')
      try {
        const options = `-f -qq -s 200 -o ${trace} -e trace=write,${call} -e inject=${call}:error=EIO:when=${when}`
        const under = ['strace', ...options.split(' ')]
        const load = startLoad(log, { under, env: { UV_THREADPOOL_SIZE: '1' } })
        // A log that goes on is stopped, and shows below what it acknowledged.
        const { code } = await load.endedWithin(20_000)

        const calls = (await readFile(trace, 'latin1')).split('\n')
        const fault = calls.findIndex(line => line.includes('(INJECTED)'))
        expect(calls[fault]).toMatch(new RegExp(`${call}.*EIO`))
        expect(calls.slice(0, fault).filter(isAcknowledgement).length).toBeGreaterThan(0)
        expect(calls.slice(fault).filter(isAcknowledgement)).toEqual([])
        expect(load.lines.slice(-2)).toEqual(['failed LOG_FAILED', 'then LOG_FAILED'])
        expect(code).toBe(70)

        const ledger = new Ledger()
        expect(ledger.note(load.lines, 'said')).toBeGreaterThan(0)
        ledger.note(load.lines, 'went')
        const next = startLoad(log, { again: ledger.last(5) })
        await next.said('ready')
        ledger.compare(next.lines, ledger.last(5))
        await next.said('said')
        await next.kill()
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
})

function isAcknowledgement(line: string): boolean {
  return /write\(1, "[^"]*(said|went)/.test(line)
}
