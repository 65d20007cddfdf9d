import { escapeHtml } from '../report/escape-html.ts'
import { clock, count } from '../report/readable.ts'
import { standingOf, type LiveArm, type LiveState } from './live-state.ts'

/**
 * The live page as it is sent: the state in figures, for the first moment and for readers without scripts, whose browser
 * asks again every two seconds. The script draws over it.
 */
export function liveHtml(state: LiveState): string {
  const standing = standingOf(state)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${state.ended === undefined ? '<noscript><meta http-equiv="refresh" content="2"></noscript>' : ''}
<title>${escapeHtml(`${standing} – Holdfast experiment`)}</title>
<link rel="stylesheet" href="/live.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="live">
<main>
<h1>Holdfast experiment: ${escapeHtml(state.title)}</h1>
<p>${escapeHtml(standing)}</p>
<table>
<thead><tr><th scope="col">Arm</th><th scope="col">At</th><th scope="col">Accepted</th><th scope="col">Turned away</th><th scope="col">Rows</th><th scope="col">Waiting</th><th scope="col">State</th></tr></thead>
<tbody>
${state.arms.map(row).join('\n')}
</tbody>
</table>
${state.ended === undefined ? '' : `${ending(state)}<p><a href="/report">The report</a></p>`}
</main>
</div>
<script src="/live.js" defer></script>
</body>
</html>
`
}

function row({ title, state, seconds }: LiveArm): string {
  const last = seconds.at(-1)
  const known = (value: number | undefined): string => (value === undefined ? '–' : count(value))
  const cells =
    last === undefined
      ? ['–', '–', '–', '–', '–', state]
      : [
          clock(last.at),
          known(last.accepted),
          known(last.refused + last.unanswered),
          known(last.rows),
          known(last.lag),
          last.faultActive ? `${state}, the fault is on` : state,
        ]
  return `<tr><th scope="row">${escapeHtml(title)}</th>${cells.map(cell => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`
}

function ending({ ended, arms }: LiveState): string {
  const titles = new Map(arms.map(arm => [arm.name, arm.title]))
  const items = (ended?.arms ?? []).map(({ name, figures }) => {
    const sentence = figures.map(({ value, label }) => `${value} ${label}`).join(' · ')
    return `<li>${escapeHtml(`${titles.get(name) ?? name}: ${sentence}`)}</li>`
  })
  return `<ul>${items.join('')}</ul>`
}
