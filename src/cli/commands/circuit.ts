import type { Command } from 'commander'
import type { BreakerStatus } from '../../recover/index.ts'
import {
  circuitClose,
  circuitList,
  circuitOpen,
  circuitShow,
  type CircuitList,
} from '../../server/operations/circuits.ts'
import type { Operating, OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

/** `holdfast circuit …`: of one running process, so `--url` is needed. */
export function addCircuit(program: Command, operating: Operating): void {
  const circuit = program.command('circuit').description('circuit breakers of a running process (--url)')

  operating
    .command(circuit, 'list', circuitList)
    .action((options: OperatingOptions) => operating.run(circuitList, {}, options, listView))

  operating
    .command(circuit, 'show', circuitShow)
    .argument('<name>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(circuitShow, { name }, options, oneView),
    )

  operating
    .command(circuit, 'open', circuitOpen)
    .argument('<name>', 'its name')
    .requiredOption('--for <duration>', 'how long; then it is probed')
    .action((name: string, options: OperatingOptions & { readonly for: string }) =>
      operating.run(circuitOpen, { name, for: options.for }, options, oneView),
    )

  operating
    .command(circuit, 'close', circuitClose)
    .argument('<name>', 'its name')
    .action((name: string, options: OperatingOptions) =>
      operating.run(circuitClose, { name }, options, oneView),
    )
}

const columns: View<object>['columns'] = {
  name: (one: BreakerStatus) => one.name,
  state: (one: BreakerStatus) => one.state,
  since: (one: BreakerStatus, time) => time(one.since),
  waiting: (one: BreakerStatus) => one.waiting,
  changes: (one: BreakerStatus) => one.transitions,
  reason: (one: BreakerStatus) => one.reason,
}

const listView: View<CircuitList> = {
  items: ({ circuits }) => circuits,
  columns,
  empty: 'no circuit breakers',
}
const oneView: View<BreakerStatus> = { items: answer => [answer], columns }
