import { verifyLog, type VerifyReport } from '../drivers/embedded/index.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { table } from './table.ts'

/** Checks a log folder byte by byte and prints what it holds. Damage is exit code 7. */
export async function logVerify(
  folder: string,
  { output }: { readonly output: 'table' | 'json' },
  io: CliIo,
): Promise<void> {
  const report = await verifyLog(folder)
  io.out(output === 'json' ? `${JSON.stringify({ format: 1, ...report }, undefined, 2)}\n` : text(report))
  if (!report.ok) {
    throw new CliError(`the log in ${report.folder} is damaged`, exitCode.checkFailed, {
      next: 'Keep a copy of the folder as it is, then restore a backup. Undamaged partitions can still be read.',
    })
  }
}

function text({ partitions, findings }: VerifyReport): string {
  const rows = partitions.map(({ topic, partition, records, bytes, first, last, findings }) => [
    topic,
    String(partition),
    String(records),
    String(bytes),
    first ?? '-',
    last ?? '-',
    findings.length === 0 ? 'ok' : findings.join('; '),
  ])
  return [
    ...findings.map(finding => `${finding}\n`),
    table(['topic', 'partition', 'records', 'bytes', 'first', 'last', 'result'], rows),
  ].join('')
}
