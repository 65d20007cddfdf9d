import { Option, type Command } from 'commander'
import { advise, type AdviseOptions } from '../advise.ts'
import type { CliIo } from '../io.ts'
import { amount, output, percent } from './options.ts'

/** `advise`: whether a log is the right thing. */
export function addAdvise(program: Command, io: CliIo): void {
  program
    .command('advise')
    .option('--rate <n>', 'requests a second at the peak', amount)
    .option('--consumers <n>', 'how many want to read the same event', amount)
    .addOption(
      new Option('--consistency <kind>', 'whether whoever writes must read it at once').choices([
        'strong',
        'eventual',
      ]),
    )
    .option(
      '--answer-within-ms <n>',
      'the caller needs the result itself within so many milliseconds',
      amount,
    )
    .option('--monolith', 'it is one')
    .option('--hide-failures', 'customers must not see that a service is down')
    .addOption(
      new Option('--operations <skill>', 'who runs brokers and databases').choices([
        'little',
        'some',
        'platform',
      ]),
    )
    .option('--team <n>', 'engineers altogether', amount)
    .option('--services <n>', 'services that answer one after another for one request', amount)
    .option('--availability <percent>', 'of each of them (default: 99.9)', percent)
    .option('--value <dollars>', 'what one request is worth', amount)
    .option('--outage <seconds>', 'how long an outage lasts', amount)
    .option('--refused <percent>', 'share of the requests that is refused meanwhile', percent)
    .option('--outages <n>', 'outages a year', amount)
    .addOption(output())
    .description(
      'say whether a log is the right thing at all, what outages cost, and what to take instead; asks on a terminal when nothing is given',
    )
    .action((options: AdviseOptions) => advise(options, io))
}
