import { InvalidArgumentError, Option, type Command } from 'commander'
import { topicStats, type PartitionStats, type TopicStats } from '../../server/operations/topic-stats.ts'
import { age, bytes, count } from '../../server/readable.ts'
import { logOptions, withAll, type Operating, type OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'
import { topicConsume, type ConsumeOptions } from '../topic/consume.ts'
import { topicProduce, type ProduceOptions } from '../topic/produce.ts'
import { DEFAULT_FORMAT, FORMAT_HELP } from '../topic/record-format.ts'

/** The commands of `holdfast topic …` that are about events. */
export function addTopicEvents(topic: Command, operating: Operating): void {
  const { io, ended } = operating

  operating
    .command(topic, 'stats', topicStats)
    .argument('<topic>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(topicStats, { topic: name }, options, statsView),
    )

  withAll(topic.command('consume'), logOptions())
    .argument('<topic>', 'its name')
    .option('--from <place>', 'start, end, an offset, a time, or how long ago: -1h', 'start')
    .option('--to <place>', 'where it ends: the same (default: the end that there is now)')
    .option('--partition <n>', 'only this one', whole)
    .option('--key <key>', 'only this key, as the log has it: reads its partition alone')
    .option('--where <expression>', "only what it holds for, such as 'data.total > 100' (https://cel.dev)")
    .option('--follow', 'then go on with what comes, until Ctrl-C')
    .option('--limit <n>', 'end after so many', whole)
    .option('--format <text>', `how a line looks: ${FORMAT_HELP} (default: ${DEFAULT_FORMAT})`)
    .addOption(
      new Option('--decode <how>', 'values as text that is safe on a terminal, or as they are')
        .choices(['auto', 'raw'])
        .default('auto'),
    )
    .addOption(
      new Option('-o, --output <format>', 'lines for people, or JSON lines that topic produce reads')
        .choices(['text', 'jsonl'])
        .default('text'),
    )
    .description('print the events of a topic, by their times; no group hears of it')
    .action(async (name: string, options: ConsumeOptions) => ended(await topicConsume(name, options, io)))

  withAll(topic.command('produce'), logOptions())
    .argument('<topic>', 'its name')
    .option('--type <type>', 'type of the events')
    .option('-k, --key <key>', 'the key of all (default: what the contract of the topic says)')
    .option('-H, --header <name=value>', 'a header of all; may be given several times', collect)
    .option('--file <file>', 'where they are (default: -, which is stdin)')
    .addOption(
      new Option(
        '--input <form>',
        'an event a line, a line of JSON each as consume prints it, or all one event',
      )
        .choices(['lines', 'jsonl', 'whole'])
        .default('lines'),
    )
    .option('--count <n>', 'each so many times', whole, 1)
    .description(
      'append events, and print the place of each once it is durable; with --app they are held against the contract of the topic',
    )
    .action((name: string, options: ProduceOptions) => topicProduce(name, options, io))
}

const statsView: View<TopicStats> = {
  items: ({ partitions }) => partitions,
  columns: {
    partition: (one: PartitionStats) => one.partition,
    events: (one: PartitionStats) => count(one.events),
    bytes: (one: PartitionStats) => (one.bytes === null ? null : bytes(one.bytes)),
    first: (one: PartitionStats, time) => time(one.firstAt),
    last: (one: PartitionStats, time) => time(one.lastAt),
    'last hour': (one: PartitionStats) => count(one.lastHour),
  },
  wide: {
    start: (one: PartitionStats) => one.start,
    end: (one: PartitionStats) => one.end,
    'last minute': (one: PartitionStats) => count(one.lastMinute),
  },
  notes: ({ events, bytes: all, retentionMs, lastMinute, lastHour, groups }) => [
    `${count(events)} events${all === null ? '' : `, ${bytes(all)}`}; ${count(lastMinute)} in the last minute, ${count(lastHour)} in the last hour; ${retentionMs === null ? 'kept for ever' : `kept for ${age(retentionMs / 1_000)}`}`,
    ...groups.map(({ group, lag }) => `${group} is ${lag === 0 ? 'caught up' : `${count(lag)} behind`}`),
  ],
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function whole(text: string): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number')
  return value
}
