import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Result } from '../../src/contract/result.ts'
import { seconds } from '../../src/report/readable.ts'
import type { ReportData } from '../../src/report/report-data.ts'
import { sharedTime } from '../chart/shared-time.ts'
import { ThemeButton } from '../theme-button.tsx'
import { Advisor } from './advisor.tsx'
import { ArmDetails } from './arm-details.tsx'
import { Checks } from './checks.tsx'
import { Figures } from './figures.tsx'
import { Money } from './money.tsx'
import { About, Limits } from './about.tsx'
import { Timelines } from './timelines.tsx'
import { VerdictStrip } from './verdict-strip.tsx'

const sections = [
  ['verdict', 'Verdict'],
  ['checks', 'Hypothesis'],
  ['timelines', 'Timelines'],
  ['figures', 'Figures'],
  ['arms', 'Events and faults'],
  ['money', 'Cost'],
  ['advice', 'Advice'],
  ['limits', 'Limits'],
  ['about', 'About this run'],
] as const

export function Report({ data }: { readonly data: ReportData }): JSX.Element {
  const { result } = data
  const shared = useMemo(() => sharedTime(lengthOf(data)), [data])
  return (
    <>
      <a class="skip" href="#verdict">
        Skip to the verdict
      </a>
      <header class="masthead">
        <div>
          <p class="eyebrow">Holdfast experiment</p>
          <ThemeButton />
        </div>
        <h1>{result.scenario.title}</h1>
        <p class="soft">{subtitle(result)}</p>
      </header>
      <nav class="contents" aria-label="Sections">
        <ul>
          {sections.map(([id, name]) => (
            <li key={id}>
              <a href={`#${id}`}>{name}</a>
            </li>
          ))}
        </ul>
      </nav>
      <main>
        <VerdictStrip result={result} />
        <Checks result={result} />
        <Timelines data={data} shared={shared} />
        <Figures result={result} />
        <ArmDetails data={data} />
        <Money result={result} />
        <Advisor />
        <Limits result={result} />
        <About data={data} />
      </main>
    </>
  )
}

function subtitle({ startedAt, finishedAt, mode, environment }: Result): string {
  return [
    new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ').concat(' UTC'),
    seconds((finishedAt - startedAt) / 1000),
    mode === 'sequence' ? 'one arm after another' : 'all arms side by side',
    `PostgreSQL ${environment.postgres}`,
    `${environment.cores} cores`,
  ].join(' · ')
}

/** Seconds that the longest arm took, its draining included. */
function lengthOf({ result, secondsPerPoint }: ReportData): number {
  return Math.max(1, ...result.arms.map(({ series }) => (series.second.at(-1) ?? 0) + secondsPerPoint))
}
