import { describe, expect, it } from 'vitest'
import { runCli } from './program.ts'

async function run(
  args: readonly string[],
  answers?: readonly string[],
): Promise<{ code: number; out: string; err: string; asked: string[] }> {
  let out = ''
  let err = ''
  const asked: string[] = []
  const ask = async (question: string): Promise<string> => answers?.[asked.push(question) - 1] ?? ''
  const code = await runCli(['advise', ...args], {
    out: text => (out += text),
    err: text => (err += text),
    env: {},
    ...(answers === undefined ? {} : { ask }),
  })
  return { code, out, err, asked }
}

describe('holdfast advise', () => {
  it('can say no, first of all, and then names what to take instead and no log', async () => {
    const { code, out } = await run(['--rate', '50', '--team', '3'])
    expect(code).toBe(0)
    expect(out).toMatch(/^Do not: REST is enough here/)
    expect(out).toContain('table as queue')
    expect(out).not.toContain('Pulsar')
    expect(out).not.toContain('Begin')
  })

  it('multiplies the availability of a chain', async () => {
    const { out } = await run(['--services', '5', '--availability', '99.5'])
    expect(out).toContain('5 services at 99.50 % each  97.52 %    9.0 days')
    expect(out).toContain('50 to 500 ms')
  })

  it('says which figures of a cost are published ones and not the reader’s', async () => {
    const { out } = await run(['--rate', '1000', '--value', '0.01', '--outage', '300', '--refused', '50%'])
    expect(out).toContain('150,000 refused, $1,500; × 12 a year = $18,000')
    expect(out).toContain('Taken from the published example, for want of yours: outages a year.')
  })

  it('answers as JSON with everything it found', async () => {
    const { out, asked } = await run(['--consumers', '3', '-o', 'json'], ['1'])
    expect(asked).toEqual([])
    expect(JSON.parse(out)).toMatchObject({
      format: 1,
      situation: { consumers: 3 },
      advice: { answer: 'log', reasons: [{ for: 'log', text: '3 readers of the same event' }] },
    })
  })

  it('asks on a terminal when nothing is given, and an empty answer leaves it open', async () => {
    const { out, asked } = await run([], ['2,000', '', 'many', '8', 'n'])
    expect(asked.length).toBe(9)
    expect(out).toMatch(/^A log fits/)
    expect(out).toContain('more than 1,000 requests a second')
    expect(out).toContain('eventual consistency is accepted')
    expect(out).not.toContain('readers')
  })

  it('asks nothing when something is given', async () => {
    expect((await run(['--consumers', '3'], ['1'])).asked).toEqual([])
  })

  it('asks nothing off a terminal', async () => {
    expect((await run([])).out).toMatch(/^Nothing given decides/)
  })

  it.each([
    [['--availability', '99.5'], '--services'],
    [['--services', '5', '--availability', '101'], '0 to 100'],
    [['--rate', 'many'], 'a number from 0'],
    [['--consistency', 'maybe'], 'strong, eventual'],
  ])('refuses %j with exit code 2', async (args, why) => {
    const { code, out, err } = await run(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(why)
  })
})
