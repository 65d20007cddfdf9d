import type { ArmSample } from '../../contract/arm.ts'

/** What a consumer serves (`serve-status.ts`). Undefined when nobody answers within a second: it is killed or stopped. */
export async function readStatus(url: string): Promise<ArmSample | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(900) })
    return answer.ok ? ((await answer.json()) as ArmSample) : undefined
  } catch {
    return undefined
  }
}
