import { usageError } from './usage-error.ts'

/** Flags that people try, for things that other users of the machine would see in the list of processes. */
const SECRET_FLAGS: ReadonlySet<string> = new Set([
  'token',
  'access-token',
  'password',
  'secret',
  'client-secret',
  'app-key',
  'key',
  'account-key',
  'sas',
  'connection-string',
])

/** Parts of values that are secrets wherever they stand. A comparison in KQL, `Password == 'x'`, is none. */
const SECRET_VALUES =
  /(?:^|[;?&])\s*(?:(?:app(?:lication)?\s*key|pwd|password|accountkey|application\s*token|user\s*token)\s*=(?![=~])|sig=(?=[^\s'"=~]))/i

/** @throws {KustoUsageError} CLI_USAGE when a flag is, or its value holds, a secret; the message does not repeat it */
export function refuseSecrets(name: string, text?: string): void {
  if (text === undefined ? !SECRET_FLAGS.has(name) : !SECRET_VALUES.test(text)) return
  throw usageError(
    `--${name} ${text === undefined ? 'would put' : 'puts'} a secret where every process on the machine can see it: ` +
      'set the environment variable KUSTO_CONNECTION_STRING, or name a variable of yours with --connection-string-env, ' +
      '--token-env or --storage-secret-env; without any of them the default Azure credential signs in (az login)',
  )
}
