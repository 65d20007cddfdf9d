import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { median } from './verdict.ts'

/** Where the figures come from. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Median of 300-byte appends with fdatasync on the disk that was measured. */
  readonly fsyncMs: number
  /** Over the last minute, before the first round: above the number of cores something else was running. */
  readonly loadBefore: number
}

export function describeMachine(folder: string): Machine {
  const [load = 0] = loadavg()
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    fsyncMs: syncTime(folder),
    loadBefore: load,
  }
}

function syncTime(folder: string): number {
  const file = openSync(join(folder, 'sync'), 'w')
  const bytes = Buffer.alloc(300, 'x')
  const times = Array.from({ length: 500 }, () => {
    const began = performance.now()
    writeSync(file, bytes)
    fdatasyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  return median(times)
}
