import type { Refusal } from './refusal.ts'

/**
 * What a broker does for one group in the classic protocol, as far as members can see it: for tests that need thousands
 * of rounds. Written after the broker's own rules; what they do on a real one is tested there.
 */
export class ModelCoordinator {
  readonly #o: ModelOptions
  readonly #members = new Map<string, ModelMember>()
  /** A dynamic member is given an id first, and is a member once it joins with it. */
  readonly #invited = new Set<string>()
  #state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty'
  #generation = 0
  #leader = ''
  #rebalanceUntil = 0
  #ids = 0
  /** Positions by partition, and how they came about. */
  readonly committed = new Map<string, { readonly offset: number; readonly by: string }>()

  constructor(options: ModelOptions) {
    this.#o = options
  }

  get generation(): number {
    return this.#generation
  }

  get isStable(): boolean {
    return this.#state === 'stable'
  }

  join(request: JoinRequest, now: number, answer: (answer: JoinAnswer) => void): void {
    const { memberId, instanceId, metadata } = request
    const known = this.#members.get(memberId)
    const sameInstance = instanceId === undefined ? undefined : this.#ofInstance(instanceId)
    if (memberId === '') {
      const id = `${instanceId ?? 'member'}-${++this.#ids}`
      if (instanceId === undefined) {
        this.#invited.add(id)
        return answer({ refusal: 'member-id', memberId: id })
      }
      if (sameInstance) return this.#replace(sameInstance, id, { metadata, now, answer })
      this.#add({ id, instanceId, metadata, now, answer })
      return this.#prepare(now)
    }
    if (sameInstance && sameInstance.id !== memberId) return answer({ refusal: 'fenced' })
    if (!known) {
      if (!this.#invited.delete(memberId)) return answer({ refusal: 'unknown-member' })
      this.#add({ id: memberId, instanceId, metadata, now, answer })
      return this.#prepare(now)
    }
    const changed = !known.metadata.equals(metadata)
    known.metadata = metadata
    known.heardAt = now
    // A follower that says nothing new is told where the group is; the leader asks for a round by joining.
    const isIdle = this.#state === 'stable' && !changed && memberId !== this.#leader
    known.joining?.({ refusal: 'elsewhere' })
    known.joining = answer
    if (isIdle || (this.#state === 'completing' && !changed)) return this.#answerJoin(known, isIdle)
    this.#prepare(now)
  }

  sync(
    request: { memberId: string; generation: number; assignments: ReadonlyMap<string, Buffer> },
    now: number,
    answer: (answer: { refusal: Refusal } | { assignment: Buffer }) => void,
  ): void {
    const { memberId, generation, assignments } = request
    const refusal = this.#refusal(memberId, generation)
    if (refusal) return answer({ refusal })
    const member = this.#members.get(memberId)
    if (!member) return
    if (this.#state === 'preparing') return answer({ refusal: 'rebalance' })
    if (this.#state === 'stable') {
      member.heardAt = now
      return answer({ assignment: member.assignment })
    }
    member.syncing = answer
    if (memberId !== this.#leader) return
    this.#state = 'stable'
    for (const one of this.#members.values()) {
      one.assignment = assignments.get(one.id) ?? Buffer.alloc(0)
      one.syncing?.({ assignment: one.assignment })
      one.syncing = undefined
      one.heardAt = now
    }
  }

  /** Undefined: accepted. */
  beat(
    memberId: string,
    instanceId: string | undefined,
    generation: number,
    now: number,
  ): Refusal | undefined {
    const refusal = this.#fenced(memberId, instanceId) ?? this.#refusal(memberId, generation)
    if (refusal) return refusal
    const member = this.#members.get(memberId)
    if (member) member.heardAt = now
    return this.#state === 'preparing' ? 'rebalance' : undefined
  }

  commit(
    request: { memberId: string; instanceId: string | undefined; generation: number },
    at: { partition: string; offset: number; by: string },
  ): Refusal | undefined {
    const { memberId, instanceId, generation } = request
    const refusal = this.#fenced(memberId, instanceId) ?? this.#refusal(memberId, generation)
    if (refusal) return refusal
    if (this.#state === 'completing') return 'rebalance'
    this.committed.set(at.partition, { offset: at.offset, by: at.by })
    return undefined
  }

  leave(memberId: string, now: number): void {
    this.#invited.delete(memberId)
    if (this.#members.has(memberId)) this.#remove(memberId, now)
  }

  /** Ends sessions and rounds whose time is up. */
  time(now: number): void {
    for (const { id, heardAt, joining } of this.#members.values())
      if (!joining && now - heardAt > this.#o.sessionMs) this.#remove(id, now)
    if (this.#state === 'preparing') this.#tryComplete(now)
    const awaitsSync = this.#state === 'completing' && now > this.#rebalanceUntil
    if (awaitsSync) for (const { id, syncing } of this.#members.values()) if (!syncing) this.#remove(id, now)
  }

  /** Another broker takes over: it knows members and positions, and none of what waits for an answer. */
  failOver(now: number): void {
    for (const member of this.#members.values()) {
      member.joining?.({ refusal: 'elsewhere' })
      member.syncing?.({ refusal: 'elsewhere' })
      member.joining = member.syncing = undefined
      member.heardAt = now
    }
  }

  #add(given: {
    id: string
    instanceId: string | undefined
    metadata: Buffer
    now: number
    answer: Answer
  }): void {
    const { id, instanceId, metadata, now, answer } = given
    this.#members.set(id, {
      id,
      instanceId,
      metadata,
      heardAt: now,
      assignment: Buffer.alloc(0),
      joining: answer,
      syncing: undefined,
    })
  }

  /** A static member comes back: with its place, and without a round when the group stands still. */
  #replace(old: ModelMember, id: string, given: { metadata: Buffer; now: number; answer: Answer }): void {
    this.#members.delete(old.id)
    old.joining?.({ refusal: 'fenced' })
    old.syncing?.({ refusal: 'fenced' })
    const member: ModelMember = {
      ...old,
      id,
      metadata: given.metadata,
      heardAt: given.now,
      joining: given.answer,
      syncing: undefined,
    }
    this.#members.set(id, member)
    if (this.#leader === old.id) this.#leader = id
    if (this.#state === 'stable') this.#answerJoin(member, true)
    else this.#prepare(given.now)
  }

  #remove(id: string, now: number): void {
    const member = this.#members.get(id)
    this.#members.delete(id)
    member?.joining?.({ refusal: 'unknown-member' })
    member?.syncing?.({ refusal: 'unknown-member' })
    this.#prepare(now)
  }

  #prepare(now: number): void {
    if (this.#state !== 'preparing') {
      this.#state = 'preparing'
      this.#rebalanceUntil = now + this.#o.rebalanceTimeoutMs
      for (const member of this.#members.values()) {
        member.syncing?.({ refusal: 'rebalance' })
        member.syncing = undefined
      }
    }
    this.#tryComplete(now)
  }

  #tryComplete(now: number): void {
    const missing = [...this.#members.values()].filter(({ joining }) => !joining)
    if (missing.length > 0 && now <= this.#rebalanceUntil) return
    // A static member keeps its place until its session is over.
    for (const { id, instanceId } of missing) if (instanceId === undefined) this.#members.delete(id)
    this.#generation += 1
    if (this.#members.size === 0) {
      this.#state = 'empty'
      return
    }
    const joined = [...this.#members.values()].filter(({ joining }) => joining)
    if (joined.length === 0) return
    this.#state = 'completing'
    this.#rebalanceUntil = now + this.#o.rebalanceTimeoutMs
    if (!joined.some(({ id }) => id === this.#leader)) this.#leader = joined[0]?.id ?? ''
    for (const member of joined) {
      member.heardAt = now
      this.#answerJoin(member, false)
    }
  }

  #answerJoin(member: ModelMember, skip: boolean): void {
    const leads = member.id === this.#leader
    const answer = member.joining
    member.joining = undefined
    answer?.({
      memberId: member.id,
      generation: this.#generation,
      leads,
      members:
        leads && !skip
          ? [...this.#members.values()].map(({ id, metadata }) => ({ id, metadata }))
          : undefined,
    })
  }

  #ofInstance(instanceId: string): ModelMember | undefined {
    return [...this.#members.values()].find(member => member.instanceId === instanceId)
  }

  #fenced(memberId: string, instanceId: string | undefined): Refusal | undefined {
    const holder = instanceId === undefined ? undefined : this.#ofInstance(instanceId)
    return holder && holder.id !== memberId ? 'fenced' : undefined
  }

  #refusal(memberId: string, generation: number): Refusal | undefined {
    if (!this.#members.has(memberId)) return 'unknown-member'
    return generation === this.#generation ? undefined : 'old-generation'
  }
}

export interface ModelOptions {
  readonly sessionMs: number
  readonly rebalanceTimeoutMs: number
}

export interface JoinRequest {
  readonly memberId: string
  readonly instanceId: string | undefined
  readonly metadata: Buffer
}

export type JoinAnswer =
  | { readonly refusal: Refusal; readonly memberId?: string }
  | {
      readonly memberId: string
      readonly generation: number
      readonly leads: boolean
      readonly members: readonly { readonly id: string; readonly metadata: Buffer }[] | undefined
    }

type Answer = (answer: JoinAnswer) => void

interface ModelMember {
  readonly id: string
  readonly instanceId: string | undefined
  metadata: Buffer
  heardAt: number
  assignment: Buffer
  joining: Answer | undefined
  syncing: ((answer: { refusal: Refusal } | { assignment: Buffer }) => void) | undefined
}
