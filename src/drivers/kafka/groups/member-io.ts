import type { OwnedPartition } from '../../../log/index.ts'
import type { Refusal } from './refusal.ts'
import type { Applicant } from './share-out.ts'
import type { Share, Subscription } from './shares.ts'

// What the machine of a member (`member-state.ts`) is told, and what it says is to be done.

/** As whom a request was sent, and when, by the monotonic clock. */
export interface Call {
  readonly memberId: string
  readonly generation: number
  readonly attempt: number
  readonly at: number
}

/** Each `call` comes back as it was given out, answered or failed. */
export type Input =
  | { readonly kind: 'time' }
  | {
      readonly kind: 'joined'
      readonly call: Call
      readonly memberId: string
      readonly generation: number
      readonly leads: boolean
      /** Only for the one that is to share out. */
      readonly members: readonly Applicant[] | undefined
    }
  | { readonly kind: 'synced'; readonly call: Call; readonly share: Share }
  /** A beat. */
  | { readonly kind: 'accepted'; readonly call: Call }
  | {
      readonly kind: 'refused'
      readonly of: 'join' | 'sync' | 'beat' | 'commit'
      readonly call: Call
      readonly refusal: Refusal
      /** Of the refusal `member-id`. */
      readonly memberId?: string | undefined
    }
  /** What was `revoking` is done. */
  | { readonly kind: 'drained'; readonly owned: OwnedPartition }
  /** There are more partitions than were shared out. */
  | { readonly kind: 'grown' }
  | { readonly kind: 'leave' }

export type Effect =
  | { readonly kind: 'join'; readonly call: Call; readonly subscription: Subscription }
  | { readonly kind: 'sync'; readonly call: Call; readonly members: readonly Applicant[] | undefined }
  | { readonly kind: 'beat'; readonly call: Call }
  | { readonly kind: 'assigned'; readonly partitions: readonly OwnedPartition[] }
  | { readonly kind: 'revoking'; readonly owned: OwnedPartition }
  | { readonly kind: 'lost'; readonly partitions: readonly OwnedPartition[]; readonly why: string }
  /** Its last: it holds nothing more. */
  | { readonly kind: 'left'; readonly memberId: string }
  /** Its last, too. */
  | { readonly kind: 'shut-out' }
