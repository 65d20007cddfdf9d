import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../../event/index.ts'
import { readFormat } from './format.ts'
import { problemOfFile } from './meta-page.ts'
import { DATA_FILE } from './open-folder.ts'
import type { PartitionFacts, WalkMessage } from './verify-walk.ts'

export interface VerifyReport {
  readonly folder: string
  /** Nothing was found, and nothing was left out. */
  readonly ok: boolean
  /** What concerns the log as a whole. */
  readonly findings: readonly string[]
  readonly partitions: readonly VerifiedPartition[]
}

export interface VerifiedPartition extends PartitionFacts {
  readonly findings: readonly string[]
}

/**
 * Checks every byte of a log that matters: rows, checksums, and that no record is missing up to the stored end. Changes
 * nothing, and may run while the log is in use. A damaged page can kill whoever touches it, so the reading is done in a
 * process of its own; when that dies, what it was reading is a finding, and another goes on with the rest.
 *
 * Rejects with `CONFIG_INVALID` for a folder without a log, and `LOG_VERSION` for one of a newer version. An abort of
 * `signal` ends it with what was found until then.
 */
export async function verifyLog(
  folder: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<VerifyReport> {
  const where = resolve(folder)
  const file = join(where, DATA_FILE)
  if (readFormat(where) === undefined && !existsSync(file)) {
    throw new HoldfastError('CONFIG_INVALID', { detail: `there is no log in ${where}` })
  }
  return { folder: where, ...(await verifyDataFile(file, signal)) }
}

/** As {@link verifyLog}, for the file of an environment wherever it is. */
export async function verifyDataFile(
  file: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<Omit<VerifyReport, 'folder'>> {
  const found = new Found()
  const problem = problemOfFile(file)
  if (problem !== undefined) found.add('file', problem)
  const skip: string[] = []
  while (!signal.aborted) {
    const { last, death } = await walkInChild(file, skip, found, signal)
    if (death === undefined) break
    found.add(last, `the process that read it ${death}`)
    if (last === 'file' || skip.includes(last)) break // nothing can be left out to get further
    skip.push(last)
  }
  if (signal.aborted) found.add('file', 'stopped before the end')
  return found.report()
}

/** Findings by part. Parts that are partitions are named `topic/number`; no other name holds a `/`. */
class Found {
  readonly #findings = new Map<string, string[]>()
  readonly #partitions = new Map<string, PartitionFacts>()

  add(part: string, text: string): void {
    const texts = this.#findings.get(part)
    if (texts === undefined) this.#findings.set(part, [text])
    else if (texts.length < MAX_FINDINGS && !texts.includes(text)) texts.push(text)
  }

  addPartition(part: string, facts: PartitionFacts): void {
    this.#partitions.set(part, facts)
  }

  report(): Omit<VerifyReport, 'folder'> {
    const parts = [...this.#findings.keys()]
    const findings = parts
      .filter(part => !part.includes('/'))
      .flatMap(part => (this.#findings.get(part) ?? []).map(text => `${part}: ${text}`))
    const partitions = [...new Set([...this.#partitions.keys(), ...parts.filter(part => part.includes('/'))])]
    return {
      ok: this.#findings.size === 0,
      findings,
      partitions: partitions.map(part => ({
        ...(this.#partitions.get(part) ?? unread(part)),
        findings: this.#findings.get(part) ?? [],
      })),
    }
  }
}

/** For each part. More say nothing new. */
const MAX_FINDINGS = 100

function unread(part: string): PartitionFacts {
  const [topic = '', partition] = part.split('/')
  return { topic, partition: Number(partition), records: 0, bytes: 0, first: undefined, last: undefined }
}

/** How the child ended, undefined for well, and the part that it had begun last. */
async function walkInChild(
  file: string,
  skip: readonly string[],
  found: Found,
  signal: AbortSignal,
): Promise<{ readonly last: string; readonly death: string | undefined }> {
  // Sources in a checkout, JavaScript in the package: whichever this file is.
  const script = import.meta.url.replace(/verify\.([jt]s)$/, 'verify-child.$1')
  const child = spawn(process.execPath, [fileURLToPath(script), file, JSON.stringify(skip)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  child.on('error', () => {}) // an abort; its end is waited for below
  let last = 'file'
  let done = false
  let complaint = ''
  child.stderr.on(
    'data',
    (text: Buffer) => (complaint = `${complaint}${text.toString()}`.slice(-MAX_COMPLAINT)),
  )
  const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as WalkMessage
    switch (message.kind) {
      case 'begins':
        last = message.part
        break
      case 'finding':
        found.add(message.part, message.text)
        break
      case 'partition':
        found.addPartition(message.part, message.partition)
        break
      case 'done':
        done = true
    }
  }
  const [code, killedBy] = await ended
  if (done || signal.aborted) return { last, death: undefined }
  const cause = complaint
    .split('\n')
    .find(line => /error|assert/i.test(line))
    ?.trim()
  const how = killedBy === null ? `ended with code ${code}` : `died of ${killedBy}`
  return { last, death: cause === undefined ? how : `${how} (${cause})` }
}

const MAX_COMPLAINT = 4096
