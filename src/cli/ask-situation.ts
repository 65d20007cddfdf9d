import type { Situation } from '../advise/index.ts'

type Ask = (question: string) => Promise<string>

interface Question {
  readonly text: string
  /** Undefined for an answer that says nothing. */
  readonly read: (answer: string) => Situation | undefined
}

const questions: readonly Question[] = [
  { text: 'Requests a second at the peak? ', read: number(rate => ({ rate })) },
  { text: 'How many services want to read the same event? ', read: number(consumers => ({ consumers })) },
  {
    text: 'How many services answer one after another for one request? ',
    read: number(services => ({ services })),
  },
  { text: 'How many engineers are you? ', read: number(team => ({ team })) },
  {
    text: 'Must whoever writes read it at once? [y/n] ',
    read: yes(is => ({ consistency: is ? 'strong' : 'eventual' })),
  },
  {
    text: 'Does the caller need the result itself within 10 ms? [y/n] ',
    read: yes(is => (is ? { answerWithinMs: 10 } : undefined)),
  },
  {
    text: 'Must customers not see that a service is down? [y/n] ',
    read: yes(hideFailures => ({ hideFailures })),
  },
  { text: 'Is it a monolith? [y/n] ', read: yes(monolith => ({ monolith })) },
  {
    text: 'Is there somebody who runs brokers or databases for you? [y/n] ',
    read: yes(is => ({ operations: is ? 'some' : 'little' })),
  },
]

/** Asks one question after another. Enter alone, or an answer that is none, leaves it open. */
export async function askSituation(ask: Ask): Promise<Situation> {
  let situation: Situation = {}
  for (const { text, read } of questions) situation = { ...situation, ...read((await ask(text)).trim()) }
  return situation
}

function number(then: (value: number) => Situation): Question['read'] {
  return answer => {
    const value = Number(answer.replaceAll(',', ''))
    return answer === '' || !Number.isFinite(value) || value < 0 ? undefined : then(value)
  }
}

function yes(then: (is: boolean) => Situation | undefined): Question['read'] {
  return answer => (/^[yn]/i.test(answer) ? then(/^y/i.test(answer)) : undefined)
}
