/**
 * How much of a lane each tenant holds. One that holds half of what may be parked, in a partition that it shares, crowds
 * the others out: soon the lane would be full, and the partition stand still for all of them. It does so until it holds a
 * quarter.
 *
 * Alone, a tenant may have the whole lane: then a full one keeps nobody else waiting.
 */
export class TenantShares {
  readonly #most: number
  /** Open entries, and those that are being parked: on a log that takes its time that may be all that is in flight. */
  readonly #open = new Map<string, number>()
  readonly #crowding = new Set<string>()
  /** Began to crowd, and nobody has asked yet. */
  #news: string[] = []
  /** The only one so far. */
  #only: string | undefined
  isShared = false

  constructor(maxParked: number) {
    this.#most = Math.max(1, Math.floor(maxParked / 2))
  }

  /** Something of it came. */
  met(tenant: string | undefined): void {
    if (this.isShared || tenant === undefined || tenant === this.#only) return
    if (this.#only === undefined) this.#only = tenant
    else {
      this.isShared = true
      for (const one of this.#open.keys()) this.#look(one)
    }
  }

  opened(tenant: string | undefined): void {
    if (tenant === undefined) return
    this.met(tenant)
    this.#open.set(tenant, (this.#open.get(tenant) ?? 0) + 1)
    this.#look(tenant)
  }

  closed(tenant: string | undefined): void {
    if (tenant === undefined) return
    const left = (this.#open.get(tenant) ?? 1) - 1
    if (left === 0) this.#open.delete(tenant)
    else this.#open.set(tenant, left)
    if (left <= this.#most / 2) this.#crowding.delete(tenant)
  }

  crowds(tenant: string | undefined): boolean {
    return tenant !== undefined && this.#crowding.has(tenant)
  }

  /** Those that began to crowd since this was asked last. */
  takeNews(): readonly string[] {
    if (this.#news.length === 0) return NONE
    const news = this.#news
    this.#news = []
    return news
  }

  #look(tenant: string): void {
    if (!this.isShared || this.#crowding.has(tenant)) return
    if ((this.#open.get(tenant) ?? 0) < this.#most) return
    this.#crowding.add(tenant)
    this.#news.push(tenant)
  }
}

const NONE: readonly string[] = []
