import { html } from 'hono/html'
import type { SpoolStatus } from '../collect/index.ts'
import { age, bytes, count, perSecond, timeOfDay } from './readable.ts'
import type { StatusReport } from './status-report.ts'
import {
  breakersTable,
  groupsTable,
  lettersTable,
  partitionsTable,
  replaysTable,
  type Html,
  type View,
} from './status-tables.ts'
import { verdictOf } from './verdict.ts'

/**
 * The status page: one document without a script, so that it works in any browser and under the strictest policy.
 * Everything that is put into `html` is escaped by it; nothing here makes text into markup by hand.
 */
export function statusPage(report: StatusReport, view: View): Html {
  const verdict = verdictOf(report)
  const selected = report.standing.groups.find(group => group.group === view.group)
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${view.refreshSeconds === undefined ? '' : html`<meta http-equiv="refresh" content="${view.refreshSeconds}" />`}
        <title>${verdict.sentence} – ${report.app.name} – Holdfast</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header>
          <h1>Holdfast <span class="app">${report.app.name}</span></h1>
          <p class="when">
            ${timeOfDay(report.at)}, up ${age((report.at - report.app.startedAt) / 1_000)} ·
            ${refreshLink(view)}
          </p>
        </header>
        <main>
          <p class="verdict ${verdict.tone}">${verdict.sentence}</p>
          ${facts(report)} ${groupsTable(report, view)} ${selected ? partitionsTable(selected) : ''}
          ${replaysTable(report.standing.replays)} ${breakersTable(report.breakers, report.at)}
          ${lettersTable(report.letters, report.at)}
        </main>
        <footer>
          <p>
            Holdfast ${report.app.version} · <a href="/metrics">metrics</a> ·
            <a href="/status.json">this page as JSON</a>
          </p>
        </footer>
      </body>
    </html>`
}

function refreshLink(view: View): Html {
  const query = view.group === undefined ? '' : `group=${encodeURIComponent(view.group)}`
  return view.refreshSeconds === undefined
    ? html`<a href="/?${query}">refresh by itself</a>`
    : html`<a href="/?${query === '' ? '' : `${query}&`}refresh=off">stop refreshing</a>`
}

/** What each durability means for whoever got a 202. */
const survives: Readonly<Record<StatusReport['log']['durability'], string>> = {
  fsync: 'on disk: survives power loss, not loss of the disk',
  quorum: 'replicated by the broker',
  single: 'in one broker’s memory',
  memory: 'in memory only: survives nothing',
  spool: 'on the collector’s disk until the log is back',
}

function facts(report: StatusReport): Html {
  const { standing, rates, log } = report
  const done = Object.values(rates.done).reduce((sum, rate) => sum + rate, 0)
  const letters = standing.groups.reduce((sum, group) => sum + group.deadLetters, 0)
  return html`<dl class="facts">
    <div>
      <dt>Taken in</dt>
      <dd>${perSecond(rates.in)}</dd>
    </div>
    <div>
      <dt>Done, all groups</dt>
      <dd>${perSecond(done)}</dd>
    </div>
    <div>
      <dt>Dead letters</dt>
      <dd class="${letters > 0 ? 'alarm' : ''}">${count(letters)}</dd>
    </div>
    <div>
      <dt>Log</dt>
      <dd>${standing.space === undefined ? log.kind : bytes(standing.space.usedBytes)}</dd>
      <dd class="note">${survives[log.durability]}</dd>
    </div>
    ${spoolFact(report)}
    ${
      standing.space === undefined
        ? ''
        : html`<div>
            <dt>Free on its disk</dt>
            <dd>${bytes(standing.space.freeBytes)}</dd>
          </div>`
    }
  </dl>`
}

/** Words for people who have not seen it before. */
const spoolWords: Readonly<Record<SpoolStatus['state'], string>> = {
  NORMAL: 'events go straight to the log',
  SPOOLING: 'the log is away: they wait on this disk',
  DRAINING: 'the log is back: they go to it in order',
}

function spoolFact({ at, spool }: StatusReport): Html | '' {
  if (spool === undefined) return ''
  const { state, events, bytes: size, oldestAgeMs, reason, setAside } = spool
  return html`<div>
      <dt>Spool</dt>
      <dd class="${state === 'SPOOLING' ? 'alarm' : ''}">${count(events)}</dd>
      <dd class="note">${spoolWords[state]}</dd>
      ${
        events === 0
          ? ''
          : html`<dd class="note">${bytes(size)}, the oldest for ${age(oldestAgeMs / 1_000)}</dd>`
      }
      ${reason === undefined ? '' : html`<dd class="note">${reason}</dd>`}
    </div>
    ${setAside.events === 0 ? '' : setAsideFact({ at, spool })}`
}

function setAsideFact({ at, spool }: { readonly at: number; readonly spool: SpoolStatus }): Html {
  const { events, since = at, topics } = spool.setAside
  const names = topics.map(of => `${of.topic} (${count(of.events)})`).join(', ')
  return html`<div>
    <dt>Set aside by the spool</dt>
    <dd class="alarm">${count(events)}</dd>
    <dd class="note">
      answered, and too large by now for ${names}; the oldest for ${age((at - since) / 1_000)}
    </dd>
    <dd class="note">in ${spool.folder}: raise max.message.bytes, then <code>holdfast spool return</code></dd>
  </div>`
}
