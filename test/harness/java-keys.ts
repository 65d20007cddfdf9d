/** The keys of `test/java/Partitions.java`, in its order: several tenants, two scripts, every length up to 45 bytes. */
export const javaKeys: readonly string[] = Array.from(
  { length: 10_000 },
  (_, i) => `tenant-${i % 7}/ключ-${i}${'x'.repeat(i % 23)}`,
)
