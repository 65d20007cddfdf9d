import { createHash } from 'node:crypto'
import { escapeHtml } from './escape-html.ts'
import type { PageBundle } from './page-bundle.ts'
import type { ReportData } from './report-data.ts'
import { armSentence, verdictOf } from './verdict.ts'

/**
 * The report as one HTML file: script, style and data inside, no network (its policy forbids any). Readers without scripts
 * get the verdict and one sentence for each arm.
 */
export function reportPage(data: ReportData, { script, style }: PageBundle): string {
  const { result } = data
  const code = script.replaceAll('</script', String.raw`<\/script`)
  const policy = `default-src 'none'; script-src '${hashOf(code)}'; style-src '${hashOf(style)}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="holdfast ${escapeHtml(result.environment.holdfast)}">
<title>${escapeHtml(`${verdictOf(result).sentence} – ${result.scenario.title}`)}</title>
<style>${style}</style>
</head>
<body>
<div id="report">${withoutScript(data)}</div>
<script type="application/json" id="data">${jsonInScript(data)}</script>
<script>${code}</script>
</body>
</html>
`
}

function withoutScript({ result }: ReportData): string {
  const arms = result.arms.map(arm => `<li>${escapeHtml(`${arm.title}: ${armSentence(arm)}`)}</li>`)
  return `<main><h1>${escapeHtml(result.scenario.title)}</h1><p>${escapeHtml(verdictOf(result).sentence)}</p><ul>${arms.join('')}</ul></main>`
}

/** Nothing in the text can end the element, begin a comment or a tag: `<` never appears. */
export function jsonInScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', String.raw`\u003c`)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`)
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
