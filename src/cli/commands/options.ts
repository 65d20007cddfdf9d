import { InvalidArgumentError, Option } from 'commander'
import { PORT_RULE, portIn } from '../../server/port-setting.ts'

// Options that several commands have, and how their values are read.

export function output(): Option {
  return new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table')
}

export function port(text: string): number {
  const value = portIn(text)
  if (value === undefined) throw new InvalidArgumentError(`a port ${PORT_RULE}`)
  return value
}

/** A number from 0. */
export function amount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number from 0')
  return value
}

/** With or without its sign. */
export function percent(text: string): number {
  const value = amount(text.replace(/\s*%$/, ''))
  if (value > 100) throw new InvalidArgumentError('a share is 0 to 100 per cent')
  return value
}
