import type { Command } from 'commander'
import type { CliIo } from '../io.ts'
import { logOptions, withAll } from '../operating.ts'
import { outboxDrain, outboxRebase, outboxStatus, type DrainOptions } from '../outbox.ts'
import { output } from './options.ts'

/** `outbox`: events that commit with a row. */
export function addOutbox(program: Command, io: CliIo): void {
  const outbox = program
    .command('outbox')
    .description('events that commit with a row, on their way to the log')
  outbox
    .command('status')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .addOption(output())
    .description('print what waits, who moves it, and which open transaction holds it back')
    .action((options: { url?: string; output: 'table' | 'json' }) => outboxStatus(options, io))
  withAll(outbox.command('drain'), logOptions())
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .option('--wait <duration>', 'how long to wait for transactions that are still open', '10s')
    .addOption(output())
    .description(
      'move what waits to the log, now, and end; refused while a relay works, which moves it anyway',
    )
    .action((options: DrainOptions) => outboxDrain(options, io))
  outbox
    .command('rebase')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .option('--execute', 'do it; without it nothing is changed')
    .description('after a restore into another cluster: give waiting rows transaction ids of this one')
    .action((options: { url?: string; execute?: boolean }) => outboxRebase(options, io))
}
