import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gzipSync } from 'node:zlib'
import { type Body, flightsBody, mixedBody } from './flights-bodies.ts'
import { streamedAnswers } from './stream-frames.ts'

/**
 * A loopback service in a process of its own. It knows the queries it was started with, `flights`, `mixed` and `small`
 * (100 rows), and `stream <megabytes>`, whose frames it makes while it sends them. Answers go out gzipped when the
 * client asks for it, compressed beforehand unless they are streamed.
 */
const MAKERS: Readonly<Record<string, () => Body>> = {
  flights: flightsBody,
  mixed: mixedBody,
  small: () => mixedBody(100),
}

interface Held {
  readonly plain: Buffer
  readonly gzip: Buffer
}

const held = new Map<string, Held>()
let answers: ReturnType<typeof streamedAnswers> | undefined

for (const name of process.argv.slice(2)) {
  if (name === 'stream') answers = streamedAnswers()
  else {
    const body = MAKERS[name]?.()
    if (body === undefined) throw new Error(`expected a body among ${Object.keys(MAKERS).join(', ')}, found ${name}`)
    held.set(name, { plain: body.bytes, gzip: gzipSync(body.bytes, { level: 4 }) })
  }
}

const server = createServer({ highWaterMark: 1024 * 1024 }, (request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
process.once('disconnect', () => process.exit())

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (request.url !== '/v2/rest/query') {
    response.writeHead(404).end()
    return
  }
  const { csl } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly csl: string }
  const gzip = String(request.headers['accept-encoding']).includes('gzip')
  response.setHeader('Content-Type', 'application/json; charset=UTF-8')
  if (gzip) response.setHeader('Content-Encoding', 'gzip')
  const [name = '', megabytes = ''] = csl.split(' ')
  const body = held.get(name)
  if (body !== undefined) {
    const bytes = gzip ? body.gzip : body.plain
    response.setHeader('Content-Length', bytes.length)
    response.end(bytes)
  } else if (name === 'stream' && answers !== undefined) {
    const frames = Readable.from(answers(Number(megabytes) * 1e6).frames())
    await (gzip
      ? pipeline(frames, createGzip({ level: 1, chunkSize: 256 * 1024 }), response)
      : pipeline(frames, response))
  } else response.writeHead(400).end()
}
