import type { Target } from '../contract/arm.ts'
import type { LoadPlan } from '../contract/scenario.ts'

/** The same load as a script for k6, which knows nothing of us: whoever doubts our generator runs that one. */
export function k6Script(
  target: Pick<Target, 'url' | 'headers' | 'body' | 'data'>,
  { phases, keys, timeoutMs, maxInFlight }: Omit<LoadPlan, 'zipf'>,
): string {
  let startTime = 0
  const scenarios = Object.fromEntries(
    phases.map(({ name, seconds, rate }) => {
      const scenario = {
        executor: 'constant-arrival-rate',
        startTime: `${startTime}s`,
        duration: `${seconds}s`,
        rate: Math.round(rate * 60),
        timeUnit: '1m',
        preAllocatedVUs: Math.min(maxInFlight, Math.ceil(rate)),
        maxVUs: maxInFlight,
        gracefulStop: `${Math.ceil(timeoutMs / 1000)}s`,
      }
      startTime += seconds
      return [name.replaceAll(/\W/g, '_'), scenario]
    }),
  )
  return `import http from 'k6/http'
import { check } from 'k6'
import exec from 'k6/execution'

// Open loop: iterations begin when they are due, and those that find no free VU are dropped and counted.
export const options = {
  scenarios: ${indented(scenarios)},
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
}

export default function () {
  const n = exec.scenario.iterationInTest
  const id = \`k6-\${exec.scenario.name}-\${n}\`
  const key = \`k\${Math.floor(Math.random() * ${keys})}\`
  const fill = text => text.replaceAll('{id}', id).replaceAll('{key}', key).replaceAll('{n}', String(n))
  const body = fill(${JSON.stringify(target.body)}).replaceAll('{data}', () => fill(${JSON.stringify(target.data)}))
  const answer = http.post(${JSON.stringify(target.url)}, body, {
    headers: ${indented({ 'content-type': 'application/json', ...target.headers }, 4)},
    timeout: '${timeoutMs}ms',
    redirects: 0,
  })
  check(answer, { accepted: ({ status }) => status >= 200 && status < 300 })
}
`
}

function indented(value: object, by = 2): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(by)}`)
}
