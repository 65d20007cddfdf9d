import type { Arm } from '../contract/arm.ts'
import { holdfast } from './holdfast/arm.ts'
import { rest, restRetry } from './rest/arm.ts'

const all: readonly Arm[] = [rest, restRetry, holdfast]

/** By name, in the order in which a report shows them. */
export const arms: Readonly<Record<string, Arm>> = Object.fromEntries(all.map(arm => [arm.name, arm]))
