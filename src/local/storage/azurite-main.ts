/**
 * Runs Azurite in a child process of its own. The parent names Azurite's script in KUSTO_LOCAL_AZURITE and passes its
 * flags; the IPC channel is there only to break: when the parent dies, however it dies, this process ends too.
 */
import { pathToFileURL } from 'node:url'

process.on('disconnect', () => process.exit(0))
// The channel alone must not keep the process alive once Azurite has closed its servers.
process.channel?.unref()

const script = process.env['KUSTO_LOCAL_AZURITE']
if (script === undefined || process.send === undefined) {
  process.stderr.write('expected to be started by the embedded Kusto\n')
  process.exit(2)
}
await import(pathToFileURL(script).href)
