import { describe, expect, it } from 'vitest'
import { RateMeter } from './rate-meter.ts'

function meterAt(): { meter: RateMeter; time: { ms: number } } {
  const time = { ms: 5_000 }
  return { meter: new RateMeter({ monotonic: () => time.ms }, 10), time }
}

describe('a rate meter', () => {
  it('counts full seconds only, so that the rate does not depend on when one looks', () => {
    const { meter, time } = meterAt()
    for (let second = 0; second < 4; second++) {
      meter.count(50)
      time.ms += 1_000
    }
    expect(meter.perSecond()).toBe(50)
    meter.count(49)
    time.ms += 500
    expect(meter.perSecond()).toBe(50)
  })

  it('forgets what is older than its window', () => {
    const { meter, time } = meterAt()
    meter.count(1_000)
    time.ms += 11_000
    expect(meter.perSecond()).toBe(0)
  })

  it('drops to nothing when nothing comes, and does not divide by seconds that were not', () => {
    const { meter, time } = meterAt()
    expect(meter.perSecond()).toBe(0)
    meter.count(30)
    time.ms += 2_000
    expect(meter.perSecond()).toBe(15)
    time.ms += 8_000
    expect(meter.perSecond()).toBe(3)
    time.ms += 1_000
    expect(meter.perSecond()).toBe(0)
  })
})
