import { html } from 'hono/html'
import type { GroupStatus } from '../consume/index.ts'
import type { Standing } from '../observe/index.ts'
import { age, count, perSecond } from './readable.ts'
import type { BreakerReport, LetterReport, StatusReport } from './status-report.ts'

/** What the visitor chose, by the address. */
export interface View {
  /** The group whose partitions are shown. */
  readonly group: string | undefined
  /** Undefined: the page stands still. */
  readonly refreshSeconds: number | undefined
}

/** What `html` makes: text in which everything that was put in is escaped. */
export type Html = ReturnType<typeof html>

export function groupsTable({ standing, rates }: StatusReport, view: View): Html {
  return html`<section>
    <h2 id="groups">Consumer groups</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="groups">
      <table>
        <caption>
          Lag is what a group has not finished yet. A name leads to its partitions.
        </caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">State</th>
            <th scope="col" class="number">Lag, events</th>
            <th scope="col" class="number">Lag, age</th>
            <th scope="col" class="number">Done</th>
            <th scope="col" class="number">Wait for a retry</th>
            <th scope="col" class="number">Dead letters</th>
          </tr>
        </thead>
        <tbody>
          ${standing.groups.map(group => groupRow(group, { view, rate: rates.done[group.group] ?? 0 }))}
        </tbody>
      </table>
    </div>
  </section>`
}

function groupRow(group: GroupStatus, { view, rate }: { view: View; rate: number }): Html {
  const letters = group.deadLetters
  const open = view.group === group.group
  const suffix = view.refreshSeconds === undefined ? '&refresh=off' : ''
  const href = open ? `/?${suffix.slice(1)}` : `/?group=${encodeURIComponent(group.group)}${suffix}`
  return html`<tr>
    <th scope="row">
      <a href="${href}" aria-expanded="${open}">${group.group}</a>
      <span class="note">${group.topics.join(', ')}</span>
    </th>
    <td>${state(group)}</td>
    <td class="number">${count(group.lag)}</td>
    <td class="number">${age(group.lagSeconds)}</td>
    <td class="number">${perSecond(rate)}</td>
    <td class="number">${count(group.parked)}</td>
    <td class="number ${letters > 0 ? 'alarm' : ''}">${count(letters)}</td>
  </tr>`
}

export function partitionsTable(group: GroupStatus): Html {
  // The group's own reason stands in the table above; only another one is worth a line here.
  return html`<section>
    <h2 id="partitions">Partitions of ${group.group}</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="partitions">
      <table>
        <caption>
          ${membersOf(group)}
        </caption>
        <thead>
          <tr>
            <th scope="col">Partition</th>
            <th scope="col">State</th>
            <th scope="col" class="number">Committed</th>
            <th scope="col" class="number">End</th>
            <th scope="col" class="number">Lag, events</th>
            <th scope="col" class="number">Lag, age</th>
            <th scope="col" class="number">Running</th>
            <th scope="col" class="number">Wait for a retry</th>
          </tr>
        </thead>
        <tbody>
          ${group.partitions.map(
            at =>
              html`<tr>
                <th scope="row">${at.topic} ${at.partition}</th>
                <td>${state(at.reason === group.reason ? { ...at, reason: undefined } : at)}</td>
                <td class="number">${count(at.committed)}</td>
                <td class="number">${count(at.end)}</td>
                <td class="number">${count(at.lag)}</td>
                <td class="number">${age(at.lagSeconds)}</td>
                <td class="number">${count(at.inFlight)}</td>
                <td class="number">${count(at.parked)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`
}

function membersOf({ members }: GroupStatus): string {
  if (members.length === 0) return 'No members'
  return `${members.length === 1 ? 'One member' : `${members.length} members`}: ${members.join(', ')}`
}

function state(of: Pick<GroupStatus, 'state' | 'reason'>): Html {
  return html`<span class="state ${of.state}">${of.state}</span>${
      of.reason === undefined ? '' : html` <span class="note">${of.reason}</span>`
    }`
}

/** Words for people who do not know which way round a breaker opens. */
const breakerWords: Readonly<Record<BreakerReport['state'], string>> = {
  CLOSED: 'closed, calls go through',
  OPEN: 'open, work waits',
  HALF_OPEN: 'half open, one probe is under way',
}

export function breakersTable(breakers: readonly BreakerReport[], now: number): Html | '' {
  if (breakers.length === 0) return ''
  const opened = breakers.filter(({ everOpened }) => everOpened)
  const quiet = breakers.filter(({ everOpened }) => !everOpened).map(({ name }) => name)
  return html`<section>
    <h2 id="breakers">Circuit breakers</h2>
    ${
      opened.length === 0
        ? ''
        : html`<div class="scroll" tabindex="0" role="region" aria-labelledby="breakers">
            <table>
              <caption>
                While a dependency is away its groups pause. No event is lost, tried in vain or given up for
                it.
              </caption>
              <thead>
                <tr>
                  <th scope="col">Dependency</th>
                  <th scope="col">State</th>
                  <th scope="col">Reason</th>
                  <th scope="col" class="number">For</th>
                </tr>
              </thead>
              <tbody>
                ${opened.map(breaker => breakerRow(breaker, now))}
              </tbody>
            </table>
          </div>`
    }
    ${quiet.length === 0 ? '' : html`<p class="note">Closed since the start: ${quiet.join(', ')}</p>`}
  </section>`
}

function breakerRow({ name, state, reason, since }: BreakerReport, now: number): Html {
  return html`<tr>
    <th scope="row">${name}</th>
    <td><span class="state ${state}">${breakerWords[state]}</span></td>
    <td>${reason}</td>
    <td class="number">${age(Math.max(0, now - since) / 1_000)}</td>
  </tr>`
}

/** Replays that go on; those that have ended are the command's. */
export function replaysTable(replays: Standing['replays']): Html | '' {
  const open = replays.filter(({ jobs }) => jobs.waiting + jobs.running + jobs.cancelling > 0)
  if (open.length === 0) return ''
  return html`<section>
    <h2 id="replays">Replays</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="replays">
      <table>
        <caption>
          Ranges of events that run again. Each of them, and how to end one:
          <code>npx holdfast replay-jobs list</code>
        </caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col" class="number">Jobs</th>
            <th scope="col" class="number">Done</th>
            <th scope="col" class="number">To do</th>
            <th scope="col">Stands still</th>
          </tr>
        </thead>
        <tbody>
          ${open.map(
            ({ group, jobs, settled, remaining, standingStill, why }) =>
              html`<tr>
                <th scope="row">${group}</th>
                <td class="number">${count(jobs.waiting + jobs.running + jobs.cancelling)}</td>
                <td class="number">${count(settled)}</td>
                <td class="number">${count(remaining)}</td>
                <td>
                  ${
                    standingStill === 0
                      ? 'no'
                      : html`in ${count(standingStill)}
                          ${standingStill === 1 ? 'partition' : 'partitions'}<span class="note">${why}</span>`
                  }
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`
}

export function lettersTable(letters: readonly LetterReport[], now: number): Html | '' {
  if (letters.length === 0) return ''
  return html`<section>
    <h2 id="letters">Newest dead letters</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="letters">
      <table>
        <caption>
          Events that a group gave up, kept whole. All of them:
          <code>npx holdfast dlq list</code>
        </caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Event</th>
            <th scope="col">Why</th>
            <th scope="col" class="number">Ago</th>
          </tr>
        </thead>
        <tbody>
          ${letters.map(
            letter =>
              html`<tr>
                <th scope="row">${letter.group}</th>
                <td>
                  ${letter.topic} ${letter.partition} / ${letter.offset}
                  <span class="note"
                    >${letter.key === undefined ? 'without a key' : `key ${letter.key}`}</span
                  >
                </td>
                <td>${letter.reason}<span class="note">${letter.message}</span></td>
                <td class="number">${age(Math.max(0, now - letter.at) / 1_000)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`
}
