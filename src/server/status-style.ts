/** The stylesheet of the status page, hand-written, light and dark. Every pair of colours has a contrast of 4.5 or more. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ground: #fbfbfa;
  --panel: #ffffff;
  --line: #e2e2de;
  --text: #1d1f21;
  --quiet: #5c6166;
  --link: #1a5a96;
  --good: #1c6b3c;
  --good-ground: #e9f4ed;
  --behind: #7a5200;
  --behind-ground: #fdf3dc;
  --broken: #a32222;
  --broken-ground: #fbeaea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181a;
    --panel: #1d2023;
    --line: #33383c;
    --text: #e6e7e8;
    --quiet: #a3a9ae;
    --link: #8bbdf0;
    --good: #7fd3a0;
    --good-ground: #16291e;
    --behind: #f0c267;
    --behind-ground: #2c2412;
    --broken: #f79a9a;
    --broken-ground: #331a1b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  max-width: 64rem;
  padding: 1.5rem 1rem 3rem;
  background: var(--ground);
  color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; justify-content: space-between; }
h1 { margin: 0; font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em; }
h1 .app { color: var(--quiet); font-weight: 400; }
h2 { margin: 2.25rem 0 0.25rem; font-size: 1rem; font-weight: 650; }
p { margin: 0; }
a { color: var(--link); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.when, footer { color: var(--quiet); font-size: 0.875rem; }
footer { margin-top: 2.5rem; }
.note { display: block; color: var(--quiet); font-size: 0.8125rem; font-weight: 400; overflow-wrap: anywhere; }
section > .note { margin-top: 0.5rem; }
.verdict { margin-top: 1rem; padding: 0.75rem 1rem; border-left: 4px solid; border-radius: 4px; font-size: 1.0625rem; font-weight: 600; overflow-wrap: anywhere; }
.verdict.good { color: var(--good); background: var(--good-ground); }
.verdict.behind { color: var(--behind); background: var(--behind-ground); }
.verdict.broken { color: var(--broken); background: var(--broken-ground); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1px; margin: 1rem 0 0; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.facts > div { padding: 0.75rem; box-shadow: 0 0 0 1px var(--line); }
dt { color: var(--quiet); font-size: 0.8125rem; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
dd.note { font-size: 0.8125rem; line-height: 1.35; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { max-width: calc(100vw - 2rem); padding-bottom: 0.5rem; color: var(--quiet); font-size: 0.875rem; text-align: left; }
th, td { padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: 0.8125rem; font-weight: 500; white-space: nowrap; }
tbody th { min-width: 8rem; font-weight: 500; overflow-wrap: anywhere; }
td { min-width: 4rem; }
.number { text-align: right; white-space: nowrap; }
.alarm { color: var(--broken); font-weight: 600; }
.state { white-space: nowrap; }
.state::before { content: '●'; margin-right: 0.4em; font-size: 0.75em; vertical-align: 0.1em; color: var(--good); }
.state.paused::before, .state.HALF_OPEN::before { content: '◐'; color: var(--behind); }
.state.OPEN::before { content: '○'; color: var(--behind); }
.state.stopped::before { content: '■'; color: var(--broken); }
code { font-size: 0.9em; }
`
