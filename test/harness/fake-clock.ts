import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const library = globSync('/usr/lib/*/faketime/libfaketime.so.1')[0]

/** Why no process can be given another time here; undefined where one can. */
export const noFakeClock: string | undefined =
  library === undefined ? 'libfaketime is missing: apt-get install faketime' : undefined

/** The wall clock of the processes that get `env`. Their monotonic clock stays what it is, as when somebody sets the time. */
export interface FakeClock {
  readonly env: Readonly<Record<string, string>>
  /** From now on it is so far from the true time: `+0`, `-1h`, `+1d`. */
  set(offset: string): void
}

export function fakeClock(): FakeClock {
  if (library === undefined) throw new Error(noFakeClock)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-time-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'offset')
  const set = (offset: string): void => {
    writeFileSync(`${file}.new`, `${offset}\n`)
    renameSync(`${file}.new`, file) // never half of it
  }
  set('+0')
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  }
}
