import type { CliCall } from './cli-command.ts'
import { fromVariable } from './from-variable.ts'
import { usageError } from './usage-error.ts'

/** Storage of the caller as flags can name it; `Plain` are the kinds that need no secret. */
export type NamedStorage<Plain extends string> =
  | { readonly kind: 'account-key'; readonly url: string; readonly key: string }
  | { readonly kind: 'sas'; readonly url: string; readonly sas: string }
  | { readonly kind: Plain; readonly url: string }

/**
 * The storage that flags name, its secret from the environment; undefined for the service's own.
 * @throws {KustoUsageError} CLI_USAGE for flags that do not go together
 */
export function storageOf<Plain extends string>(
  { flags, io: { env } }: CliCall,
  kinds: readonly ('service' | 'account-key' | 'sas' | Plain)[],
): readonly NamedStorage<Plain>[] | undefined {
  const kind = flags.choice('storage', kinds)
  const urls = flags.list('storage-url')
  const secret = fromVariable(flags.text('storage-secret-env'), env)
  if (kind === undefined || kind === 'service') {
    if (urls.length > 0 || secret !== undefined)
      throw usageError('--storage-url and --storage-secret-env go with a --storage of yours')
    return undefined
  }
  if (urls.length === 0) throw usageError(`--storage ${kind} needs --storage-url`)
  const needsSecret = kind === 'account-key' || kind === 'sas'
  if (needsSecret !== (secret !== undefined)) {
    throw usageError(`--storage ${kind} ${needsSecret ? 'needs' : 'takes no'} --storage-secret-env`)
  }
  return urls.map((url): NamedStorage<Plain> => {
    if (kind === 'account-key') return { kind: 'account-key', url, key: secret ?? '' }
    return kind === 'sas' ? { kind: 'sas', url, sas: secret ?? '' } : { kind, url }
  })
}
