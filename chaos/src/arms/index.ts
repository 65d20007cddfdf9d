export { dependencies } from './dependencies/index.ts'
import type { Arm } from '../contract/arm.ts'
import { holdfast, holdfastKafka } from './holdfast/arm.ts'
import { naive } from './naive/arm.ts'
import { naiveKafkajs } from './naive-kafkajs/arm.ts'
import { orders } from './orders/arm.ts'
import { ordersRest } from './orders-rest/arm.ts'
import { rest, restRetry } from './rest/arm.ts'
import { restChain } from './rest-chain/arm.ts'

const all: readonly Arm[] = [
  rest,
  restRetry,
  restChain,
  naive,
  holdfast,
  naiveKafkajs,
  holdfastKafka,
  ordersRest,
  orders,
]

/** By name, in the order in which a report shows them. */
export const arms: Readonly<Record<string, Arm>> = Object.fromEntries(all.map(arm => [arm.name, arm]))
