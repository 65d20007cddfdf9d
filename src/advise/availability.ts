/** Where every link of a chain must answer, the chain is up for the product of what each of them is. Shares of 1. */
export function chainAvailability(each: number, links: number): number {
  return each ** links
}

const DAYS_A_YEAR = 365.25

/** Days a year for which something with this share of availability is away. */
export function daysAwayAYear(availability: number): number {
  return (1 - availability) * DAYS_A_YEAR
}
