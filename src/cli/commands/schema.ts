import type { Command } from 'commander'
import type { CliIo } from '../io.ts'
import { schemaCheck, type SchemaCheckOptions } from '../schema-check.ts'
import { output } from './options.ts'

/** `schema`: the schemas of events. */
export function addSchema(program: Command, io: CliIo): void {
  const schema = program.command('schema').description('the schemas of events')
  schema
    .command('check')
    .argument('<app>', 'a module whose default export is an app')
    .option(
      '--dir <folder>',
      'where the committed snapshots are, one file for each topic',
      'holdfast/schemas',
    )
    .option('--update', 'write the snapshots, unless something breaks')
    .option(
      '--accept-breaking',
      'with --update: write them all the same, when no such event is in a log any more',
    )
    .addOption(output())
    .description(
      'compare the event types of an app with a committed snapshot; exit code 7 when events in the log could not be read, or the snapshot is out of date',
    )
    .action((file: string, options: SchemaCheckOptions) => schemaCheck(file, options, io))
}
