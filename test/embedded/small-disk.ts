import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, type TestContext } from 'vitest'

/** A disk of 16 MiB in memory. Skips, with the reason, where none can be mounted. */
export function smallDisk(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    rmSync(folder, { recursive: true })
    context.skip(`no tmpfs can be mounted here: ${error instanceof Error ? error.message : String(error)}`)
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** Answers how many bytes went in before ENOSPC. */
export function fillToTheLastByte(file: string): number {
  const fd = openSync(file, 'w')
  let bytes = 0
  for (const size of [64 * 1024, 4096]) {
    const block = Buffer.alloc(size, 1)
    try {
      for (;;) bytes += writeSync(fd, block)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(fd)
  return bytes
}
