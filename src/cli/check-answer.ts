/** One figure of a check: of a group, of a breaker. */
export interface Measured {
  readonly name: string
  readonly value: number
}

export type CheckFormat = 'text' | 'nagios' | 'json' | 'prometheus'

export interface Check {
  readonly name: string
  readonly measured: readonly Measured[]
  /** From these values on. */
  readonly warn: number
  readonly crit: number
  readonly format: CheckFormat
}

/** What a check prints, and how bad the worst of its figures is: 0 well, 1 warning, 2 critical. */
export function answerOf(check: Check): { readonly text: string; readonly status: 0 | 1 | 2 } {
  const { name, measured, warn, crit } = check
  const worst = Math.max(0, ...measured.map(({ value }) => value))
  const status = worst >= crit ? 2 : worst >= warn ? 1 : 0
  const word = (['OK', 'WARNING', 'CRITICAL'] as const)[status]
  const listed = measured.map(one => `${one.name} ${rounded(one.value)}`).join(', ') || 'nothing to check'
  switch (check.format) {
    case 'text':
      return { status, text: `${word} ${name}: ${listed} (warning from ${warn}, critical from ${crit})\n` }
    case 'nagios': {
      const data = measured.map(
        one => `'${one.name.replaceAll("'", '')}'=${rounded(one.value)};${warn};${crit};0`,
      )
      return { status, text: `${word} - ${name}: ${listed} | ${data.join(' ')}\n` }
    }
    case 'json': {
      const report = { format: 1, check: name, status: word.toLowerCase(), warn, crit, measured }
      return { status, text: `${JSON.stringify(report, undefined, 2)}\n` }
    }
    case 'prometheus':
      return { status, text: exposition(check, status) }
  }
}

function exposition({ name, measured }: Check, status: number): string {
  const label = (text: string): string => text.replaceAll(/["\\\n]/g, '_')
  return [
    '# HELP holdfast_check_status 0 well, 1 warning, 2 critical',
    '# TYPE holdfast_check_status gauge',
    `holdfast_check_status{check="${name}"} ${status}`,
    '# HELP holdfast_check_value what was measured',
    '# TYPE holdfast_check_value gauge',
    ...measured.map(one => `holdfast_check_value{check="${name}",name="${label(one.name)}"} ${one.value}`),
    '',
  ].join('\n')
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
