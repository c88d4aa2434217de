import { badOption } from '../base/check-options.ts'
import type { IngestionStorage } from './ingestion-storage.ts'

const FIELDS = ['storageurl', 'containername', 'usermsi', 'sas']

/**
 * The containers of Spark's `kustoIngestionStorageContainer`: by signature where there is one, else by signatures that
 * the connector's credential delegates.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION when it is no list of such entries
 */
export function sparkIngestionStorage(json: string): readonly IngestionStorage[] {
  let entries: unknown
  try {
    entries = JSON.parse(json)
  } catch {
    entries = undefined
  }
  if (!Array.isArray(entries) || entries.length === 0) {
    throw badOption('expected a JSON list of containers in kustoIngestionStorageContainer')
  }
  return entries.map((entry: unknown): IngestionStorage => {
    const fields = fieldsOf(entry)
    const [account, container, sas] = [fields.get('storageurl'), fields.get('containername'), fields.get('sas')]
    if (account === undefined || container === undefined) {
      throw badOption('expected storageUrl and containerName in each entry of kustoIngestionStorageContainer')
    }
    const url = `${account.replace(/\/+$/, '')}/${container}`
    return sas === undefined ? { kind: 'user-delegation', url } : { kind: 'sas', url, sas }
  })
}

function fieldsOf(entry: unknown): ReadonlyMap<string, string> {
  if (typeof entry !== 'object' || entry === null) {
    throw badOption('expected objects in kustoIngestionStorageContainer')
  }
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(entry)) {
    const key = name.toLowerCase()
    if (!FIELDS.includes(key)) {
      throw badOption(
        `expected storageUrl, containerName, userMsi and sas in kustoIngestionStorageContainer, found ${name}`,
      )
    }
    if (value === null || value === '') continue
    if (typeof value !== 'string') throw badOption(`expected a text as ${name} of kustoIngestionStorageContainer`)
    fields.set(key, value)
  }
  return fields
}
