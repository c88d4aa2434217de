import { badOption } from '../base/check-options.ts'
import { parseObject } from '../protocol/spark-options.ts'
import type { TransientStorage } from './transient-storage.ts'

type Entry = ReadonlyMap<string, string>

const ENTRY_NAMES = [
  'storageaccountname',
  'storageaccountkey',
  'blobcontainer',
  'sasurl',
  'saskey',
  'sasdefined',
  'domainsuffix',
  'onelakeurl',
]

/**
 * The storage entries of Spark's `transientStorage`, in every form that its documentation shows. Names in any case.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION when it is no such JSON
 */
export function sparkStorage(json: string): readonly TransientStorage[] {
  const option = lowerCaseKeys(parseObject('transientStorage', json))
  for (const name of option.keys()) {
    if (name !== 'storagecredentials' && name !== 'endpointsuffix') {
      throw badOption(`expected storageCredentials and endpointSuffix in transientStorage, found ${name}`)
    }
  }
  const entries = option.get('storagecredentials')
  if (!Array.isArray(entries) || entries.length === 0) {
    throw badOption('expected a list of storageCredentials in transientStorage, found none')
  }
  const suffix = option.get('endpointsuffix')
  return entries.map((entry) => storageEntry(textEntry(entry), typeof suffix === 'string' ? suffix : undefined))
}

/** The legacy options of one container. */
export function legacyStorage(options: Entry): TransientStorage | undefined {
  const sas = options.get('blobstoragesasurl')
  if (sas !== undefined) return { kind: 'sas', url: sas }
  const [account, key, container] = ['blobstorageaccountname', 'blobstorageaccountkey', 'blobcontainer'].map((name) =>
    options.get(name),
  )
  if (account === undefined && key === undefined && container === undefined) return undefined
  if (account === undefined || key === undefined || container === undefined) {
    throw badOption('expected blobStorageAccountName, blobStorageAccountKey and blobContainer together')
  }
  return { kind: 'account-key', account, key, container }
}

export function lowerCaseKeys(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value).map(([name, each]) => [name.toLowerCase(), each]))
}

function textEntry(entry: unknown): Entry {
  if (typeof entry !== 'object' || entry === null) {
    throw badOption(`expected objects in storageCredentials, found ${typeof entry}`)
  }
  const given = [...lowerCaseKeys(entry as Record<string, unknown>)].filter(([, value]) => value !== null)
  return new Map(
    given.map(([name, value]) => {
      if (!ENTRY_NAMES.includes(name)) {
        throw badOption(`expected ${ENTRY_NAMES.join(', ')} in storageCredentials, found ${name}`)
      }
      return [name, String(value)]
    }),
  )
}

function storageEntry(entry: Entry, endpointSuffix: string | undefined): TransientStorage {
  const text = (name: string): string | undefined => entry.get(name) || undefined
  const oneLake = text('onelakeurl')
  if (oneLake !== undefined) return { kind: 'onelake', url: oneLake }
  const suffix = text('domainsuffix') ?? endpointSuffix
  const [account, container, sasUrl] = [text('storageaccountname'), text('blobcontainer'), text('sasurl')]
  const sasKey = text('saskey')
  const isImpersonated = /;impersonate$/i.test(sasUrl ?? '') || /^;?impersonate$/i.test(sasKey ?? '')
  const url = sasUrl?.replace(/;impersonate$/i, '') ?? containerUrl(account, container, suffix)
  if (isImpersonated && url !== undefined) return { kind: 'impersonate', url }
  if (sasUrl !== undefined) {
    return sasUrl.includes('?') || sasKey === undefined
      ? { kind: 'sas', url: sasUrl }
      : { kind: 'sas', url: sasUrl, sas: sasKey }
  }
  if (sasKey !== undefined && url !== undefined) return { kind: 'sas', url, sas: sasKey }
  const key = text('storageaccountkey')
  if (key !== undefined && account !== undefined && container !== undefined) {
    return { kind: 'account-key', account, container, key, ...(suffix === undefined ? {} : { endpointSuffix: suffix }) }
  }
  throw badOption(
    'expected oneLakeUrl, sasUrl, or storageAccountName and blobContainer with storageAccountKey or sasKey ' +
      `in storageCredentials, found ${[...entry.keys()].join(', ') || 'nothing'}`,
  )
}

function containerUrl(
  account: string | undefined,
  container: string | undefined,
  suffix = 'core.windows.net',
): string | undefined {
  if (account === undefined || container === undefined) return undefined
  return `https://${account}.blob.${suffix}/${container}`
}
