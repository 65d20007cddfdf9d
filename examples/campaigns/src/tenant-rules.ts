/** What a tenant wants done differently. In a real system this is a table that the tenant edits. */
export interface TenantRules {
  /** What stands in the reports in place of a country. */
  readonly countries: Readonly<Record<string, string>>
}

const noRules: TenantRules = { countries: {} }

const rules: Readonly<Record<string, TenantRules>> = {
  /** The demo tenant sells to one region as a whole. */
  demo: { countries: { DE: 'DACH', AT: 'DACH', CH: 'DACH' } },
}

export function rulesOf(tenant: string): TenantRules {
  return Object.hasOwn(rules, tenant) ? (rules[tenant] ?? noRules) : noRules
}
