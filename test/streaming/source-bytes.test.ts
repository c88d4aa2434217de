import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSource } from '../../src/streaming/source-bytes.ts'
import type { BytesInput } from '../../src/streaming/source-bytes.ts'

const OPTIONS = { idleTimeoutMs: 60_000, signal: undefined }

async function read(input: BytesInput): Promise<readonly [string, string]> {
  const { compression, chunks } = await openSource(input, OPTIONS)
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return [compression, Buffer.concat(all).toString('latin1')]
}

describe('openSource', () => {
  it('streaming:C47 tells compression by the first bytes, however small the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('none', 'gzip', 'zip'),
        fc.uint8Array({ maxLength: 50 }),
        fc.integer({ min: 1, max: 9 }),
        async (compression, drawn, size) => {
          const body = Buffer.concat([Buffer.from('x'), drawn])
          const bytes =
            compression === 'gzip'
              ? gzipSync(body)
              : compression === 'zip'
                ? Buffer.concat([Buffer.from('PK\u0003\u0004'), body])
                : body
          const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
            bytes.subarray(at * size, (at + 1) * size),
          )
          expect(await read(pieces)).toEqual([compression, bytes.toString('latin1')])
        },
      ),
    )
  })

  it('reads a source of one byte, and one of none', async () => {
    expect(await read(Buffer.from([0x1f]))).toEqual(['none', '\u001f'])
    expect(await read([])).toEqual(['none', ''])
    expect(await read(Readable.from(['a', 'b']))).toEqual(['none', 'ab'])
  })

  it('ends a source that is given up, before and after it was looked at', async () => {
    const ended: string[] = []
    async function* source(name: string): AsyncGenerator<string> {
      try {
        for (;;) yield 'more'
      } finally {
        ended.push(name)
      }
    }
    await (await openSource(source('unread'), OPTIONS)).close()
    for await (const _ of (await openSource(source('left'), OPTIONS)).chunks) break
    expect(ended).toEqual(['unread', 'left'])
  })

  it.each([
    ['nothing', null],
    ['a number', 7],
    ['rows', [{ n: 1 }]],
  ])('refuses %s', async (_what, input) => {
    await expect(read(input as unknown as BytesInput)).rejects.toMatchObject({ code: 'KUSTO_BAD_INPUT' })
  })
})
