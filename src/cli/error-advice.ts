/** The next step for whoever sits at the command line, by error code; the pages of docs/errors.md say more. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ['KUSTO_NO_CLUSTER', 'give --cluster URL or set KUSTO_CLUSTER; or try the command on this machine with --local'],
  ['KUSTO_NO_DATABASE', 'give --database NAME or set KUSTO_DATABASE'],
  ['KUSTO_NO_TOKEN', 'sign in with az login, or set KUSTO_CONNECTION_STRING; kusto-arrow doctor looks at each step'],
  ['KUSTO_UNAUTHORIZED', 'the token is for another tenant or over: az login --tenant ..., then kusto-arrow doctor'],
  ['KUSTO_FORBIDDEN', 'ask for the role that the message names; kusto-arrow doctor lists those you have'],
  ['KUSTO_UNTRUSTED_HOST', 'check the address; add a host of your own with --trusted-host'],
  ['KUSTO_CONNECTION_FAILED', 'check address, network and proxy; kusto-arrow doctor looks at each step'],
  ['KUSTO_CONNECT_TIMEOUT', 'check address, network and proxy; kusto-arrow doctor looks at each step'],
  ['KUSTO_POLL_TIMEOUT', 'it goes on at the service; for a write: kusto-arrow receipt FILE --wait'],
  ['KUSTO_READ_TIMEOUT', 'give it more time with --timeout, or read less'],
  ['KUSTO_TABLE_NOT_FOUND', 'add --create to create it from the data; kusto-arrow tables lists those that are there'],
  ['KUSTO_SCHEMA_MISMATCH', 'see both sides with --dry-run; --adjust-schema AddColumns adds columns'],
  ['KUSTO_PEER_MISSING', 'install the packages that the message names'],
  ['KUSTO_WRITE_INCOMPLETE', 'a part is queued: kusto-arrow receipt FILE --wait with the file of --receipt'],
  ['KUSTO_INGESTION_FAILED', 'repair the data of the blobs above and write them again'],
  ['KUSTO_PLAN_EXPIRED', 'make a new plan, with a longer --ttl'],
  ['KUSTO_NOT_A_TABLE', 'quote the query as one word'],
  ['KUSTO_NO_EXPORT_STORAGE', 'read with --mode single, or name storage of your own with --storage'],
  ['LOCAL_PEER_MISSING', 'the embedded Kusto needs the packages that the message names'],
])

export function adviceFor(code: string): string | undefined {
  return ADVICE.get(code)
}
