/** `GET /`: what answers here, and a command that works. */
export function landingPage(facts: {
  /** Where this page was asked for, such as `http://127.0.0.1:4300`. */
  readonly base: string
  /** A path that takes events, with a body for it. */
  readonly example: { readonly path: string; readonly body: string }
  /** A key that may be shown: one that is no secret. */
  readonly key: string | undefined
  readonly statusUrl: string | undefined
}): string {
  const key = facts.key ?? 'YOUR_KEY'
  const curl = `curl -i ${facts.base}${facts.example.path} -H 'Content-Type: application/json' -H 'X-Api-Key: ${key}' -d '${facts.example.body}'`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Holdfast collector</title>
<h1>Holdfast collector</h1>
<p>Post events here. The answer 202 means that the event is kept; what happens to it afterwards cannot reach you.</p>
<pre>${escapeText(curl)}</pre>
<p>${facts.statusUrl === undefined ? '' : `<a href="${escapeHtml(facts.statusUrl)}">Status</a> · `}<a href="/v1/limits">Limits</a></p>
</html>
`
}

function escapeHtml(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;').replaceAll("'", '&#39;')
}

/** For what stands between tags. Quotes stay, so that a command can be copied from what curl shows of the page too. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
