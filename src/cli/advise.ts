import {
  adviseOn,
  chainAvailability,
  daysAwayAYear,
  outageCost,
  publishedOutage,
  type Advice,
  type OutageCost,
  type OutageInputs,
  type Situation,
} from '../advise/index.ts'
import { adviceText } from './advice-text.ts'
import { askSituation } from './ask-situation.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

/** As the command line gives them. Shares are in per cent. */
export interface AdviseOptions extends Omit<Situation, 'outageCostPerYear'> {
  readonly availability?: number
  readonly value?: number
  readonly outage?: number
  readonly refused?: number
  readonly outages?: number
  readonly output: 'table' | 'json'
}

/** Everything that is said, and where its figures come from. */
export interface AdviseReport {
  readonly format: 1
  readonly situation: Situation
  readonly advice: Advice
  readonly availability?: {
    readonly services: number
    readonly each: number
    readonly chain: number
    readonly chainDaysAway: number
    readonly logOnly: number
    readonly logOnlyDaysAway: number
  }
  readonly cost?: OutageCost & {
    readonly inputs: OutageInputs
    /** Inputs that nobody gave: they are those of the published example. */
    readonly published: readonly (keyof OutageInputs)[]
  }
}

/** Says whether to use a log at all. On a terminal, and without a single option, it asks. */
export async function advise(options: AdviseOptions, io: CliIo): Promise<void> {
  const { output, ...given } = options
  const asks = io.ask !== undefined && Object.keys(given).length === 0 && output === 'table'
  const report = reportOn(asks && io.ask !== undefined ? await askSituation(io.ask) : given)
  io.out(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : adviceText(report))
}

function reportOn(options: Omit<AdviseOptions, 'output'>): AdviseReport {
  const { availability, value, outage, refused, outages, ...known } = options
  if (availability !== undefined && known.services === undefined) {
    throw new CliError('--availability says nothing without --services', exitCode.usage, {
      next: 'holdfast advise --services 5 --availability 99.5',
    })
  }
  const cost = costOf({ rate: known.rate, value, outage, refused, outages })
  const situation: Situation = {
    ...known,
    ...(cost === undefined ? {} : { outageCostPerYear: cost.perYear }),
  }
  const { services } = situation
  return {
    format: 1,
    situation,
    advice: adviseOn(situation),
    ...(services === undefined
      ? {}
      : { availability: availabilityOf(services, (availability ?? 99.9) / 100) }),
    ...(cost === undefined ? {} : { cost }),
  }
}

function availabilityOf(services: number, each: number): NonNullable<AdviseReport['availability']> {
  const chain = chainAvailability(each, services)
  return {
    services,
    each,
    chain,
    chainDaysAway: daysAwayAYear(chain),
    logOnly: each,
    logOnlyDaysAway: daysAwayAYear(each),
  }
}

interface CostOptions {
  readonly rate: number | undefined
  readonly value: number | undefined
  readonly outage: number | undefined
  readonly refused: number | undefined
  readonly outages: number | undefined
}

/** Undefined when nobody asked for it. */
function costOf({ rate, value, outage, refused, outages }: CostOptions): AdviseReport['cost'] {
  if ([value, outage, refused, outages].every(given => given === undefined)) return undefined
  const given: { readonly [K in keyof OutageInputs]: number | undefined } = {
    requestsPerSecond: rate,
    valuePerRequest: value,
    outageSeconds: outage,
    refusedShare: refused === undefined ? undefined : refused / 100,
    outagesPerYear: outages,
  }
  const names = Object.keys(given) as (keyof OutageInputs)[]
  const inputs = Object.fromEntries(
    names.map(name => [name, given[name] ?? publishedOutage[name]]),
  ) as unknown as OutageInputs
  return { ...outageCost(inputs), inputs, published: names.filter(name => given[name] === undefined) }
}
