import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { KustoProtocolError } from '../errors.ts'

const INFLATED_BYTES = 256 * 1024

/**
 * The message's body without its content encoding. Reading a paused message takes all that has arrived, up to the
 * socket's high-water mark, so the inflater is fed in large pieces without waiting for more.
 * @throws {KustoProtocolError} KUSTO_BAD_ENCODING for an encoding nobody asked for
 */
export function decompressed(message: IncomingMessage): Readable {
  const encoding = message.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return message
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    message.destroy()
    throw new KustoProtocolError('KUSTO_BAD_ENCODING', `expected a gzip or plain body, found ${encoding}`)
  }
  const gunzip = createGunzip({ chunkSize: INFLATED_BYTES })
  // A failure on either side destroys the other; the reader of the gunzip sees it, so nothing is left to do here.
  pipeline(message.iterator(), gunzip, () => {})
  return gunzip
}
