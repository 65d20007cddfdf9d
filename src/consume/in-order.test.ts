import { expect, it } from 'vitest'
import { offset, type LogRecord } from '../event/index.ts'
import type { Task } from './group-context.ts'
import { inOrder } from './in-order.ts'

/** A batch: `a0` is an event of key a at offset 0, `a0!` one that cannot be read, and `-0` one without a key. */
function batch(text: string): Task[] {
  return text.split(' ').map(word => {
    const [key = '-', at = '0'] = word
    const record: Partial<LogRecord> = { offset: offset(Number(at)), key: key === '-' ? undefined : key }
    const fate = word.endsWith('!') ? { reason: 'schema', error: undefined } : undefined
    return { record, fate } as Task
  })
}

function told(tasks: readonly Task[]): string {
  return tasks.map(({ record, fate }) => `${record.key ?? '-'}${record.offset}${fate ? '!' : ''}`).join(' ')
}

it.each([
  { order: 'key', of: 'a0 b1 a2', ends: 'a0 b1 a2' },
  { order: 'key', of: 'a0 a1! b2 a3 a4! b5', ends: 'a0 a1! b2 b5' },
  { order: 'key', of: '-0! -1 -2! -3', ends: '-0! -1 -2! -3' },
  { order: 'partition', of: 'a0 b1! c2 -3', ends: 'a0 b1!' },
  { order: 'none', of: 'a0! a1 a2! a3', ends: 'a0! a1 a2! a3' },
] as const)('in the order of a $order, of $of end $ends', ({ order, of, ends }) => {
  expect(told(inOrder(batch(of), order))).toBe(ends)
})
