import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { version } from 'holdfast/server'
import type { Environment } from '../contract/result.ts'

/** The machine of a run. `folder` is where logs will stand: its disk is measured. */
export function environmentOf(folder: string, postgres: string): Environment {
  const [first] = cpus()
  return {
    holdfast: version,
    node: process.versions.node,
    postgres,
    platform: `${process.platform} ${process.arch}`,
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    fsyncMs: medianSyncMs(folder),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

const SYNCS = 21

function medianSyncMs(folder: string): number {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'fsync')
  const file = openSync(path, 'w')
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const start = performance.now()
      writeSync(file, Buffer.alloc(4_096))
      fdatasyncSync(file)
      return performance.now() - start
    })
    return Math.round((times.toSorted((a, b) => a - b)[SYNCS >> 1] ?? 0) * 1000) / 1000
  } finally {
    closeSync(file)
    rmSync(path)
  }
}
