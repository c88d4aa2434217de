import { KustoUsageError } from '../errors.ts'

/**
 * One of several resources that the service offers for the same thing, by chance, so that load is spread over them.
 * @throws {KustoUsageError} KUSTO_NO_INGESTION_STORAGE when there is none
 */
export function pickAny<T>(resources: readonly T[], what: string): T {
  const one = resources[Math.floor(Math.random() * resources.length)]
  if (one !== undefined) return one
  throw new KustoUsageError(
    'KUSTO_NO_INGESTION_STORAGE',
    `expected a ${what} for ingestion, found that the service offers none`,
  )
}
