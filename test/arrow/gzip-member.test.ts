import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { crc32, gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { DeflateLane } from '../../src/arrow/deflate-lane.ts'
import { combineCrc32, gzipMember, type GzipMemberOptions } from '../../src/arrow/gzip-member.ts'

async function gzipped(chunks: Iterable<Uint8Array>, options?: GzipMemberOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of gzipMember(chunks, options)) parts.push(part)
  return Buffer.concat(parts)
}

function* failing(): Generator<Uint8Array> {
  yield new Uint8Array(100)
  throw new Error('source broke')
}

describe('gzipMember', () => {
  it('is restored byte for byte by a foreign gunzip, however the input is cut', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 9 }),
        async (parts, blockBytes, concurrency) => {
          const bytes = await gzipped(parts, { blockBytes, concurrency })
          expect(gunzipSync(bytes).equals(Buffer.concat(parts))).toBe(true)
        },
      ),
    )
  })

  it('is one member that the gzip program accepts', async () => {
    const text = Buffer.from('StormEvents,2007-01-01T00:00:00.0000000Z\n'.repeat(100_000))
    const bytes = await gzipped([text.subarray(0, 10), text.subarray(10)], { blockBytes: 100_000 })
    expect(execFileSync('gzip', ['-dc'], { input: bytes, maxBuffer: 1 << 26 }).equals(text)).toBe(true)
    execFileSync('gzip', ['-t'], { input: bytes })
    // A second member would start with the magic number right after a complete trailer.
    expect(new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)).toBe(text.length)
    expect(new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8).getUint32(0, true)).toBe(crc32(text))
  })

  it('asks for no more input than the blocks that may be under way, however slowly it is read', async () => {
    for (const concurrency of [1, 2, 8]) {
      let asked = 0
      const endless = function* (): Generator<Uint8Array> {
        for (;;) yield new Uint8Array(5000).fill(++asked)
      }
      const member = gzipMember(endless(), { blockBytes: 5000, concurrency })
      // The header, and then one block after the other, each of one part or more.
      await member.next()
      for (let read = 1; read < 30; read++) {
        await member.next()
        expect(asked).toBeLessThanOrEqual(read + concurrency)
      }
      await member.return()
    }
  })

  it('closes its deflaters at the end, after a failure, an abort and when it is left, none of them at work', async () => {
    let working = 0
    const deflate = Reflect.get(DeflateLane.prototype, 'deflate')
    const deflating = vi.spyOn(DeflateLane.prototype, 'deflate').mockImplementation(async function (
      this: DeflateLane,
      block,
    ) {
      working++
      return deflate.call(this, block).finally(() => working--)
    })
    const closing = vi.spyOn(DeflateLane.prototype, 'close')
    const stop = new AbortController()
    await gzipped([new Uint8Array(100_000)], { blockBytes: 1000 })
    await expect(gzipped(failing(), { blockBytes: 10 })).rejects.toThrow('source broke')
    const aborted = gzipMember([new Uint8Array(100_000)], { blockBytes: 1000, signal: stop.signal })
    await aborted.next()
    await aborted.next()
    stop.abort(new Error('enough'))
    await expect(aborted.next()).rejects.toThrow('enough')
    const left = gzipMember([new Uint8Array(100_000)], { blockBytes: 1000 })
    await left.next()
    await left.next()
    expect(working).toBeGreaterThan(0)
    await left.return()
    expect(working).toBe(0)
    const used = new Set(deflating.mock.contexts)
    expect(used.size).toBe(32)
    expect(new Set(closing.mock.contexts)).toEqual(used)
    vi.restoreAllMocks()
  })

  it('restores bytes that do not compress, in chunks shorter and longer than a block', async () => {
    const bytes = randomBytes(5_000_000)
    const cuts = [0, 10, 300_000, 900_000, 3_500_000, 3_500_001, 5_000_000]
    const chunks = cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end))
    expect(gunzipSync(await gzipped(chunks)).equals(bytes)).toBe(true)
  })

  it('makes an empty member of no input', async () => {
    expect(gunzipSync(await gzipped([])).length).toBe(0)
  })

  it('passes on the failure of its input after the blocks in flight have settled', async () => {
    await expect(gzipped(failing(), { blockBytes: 10 })).rejects.toThrow('source broke')
  })

  it('stops with the reason of its signal', async () => {
    const stop = new AbortController()
    const endless = function* (): Generator<Uint8Array> {
      for (;;) {
        yield new Uint8Array(1000)
        stop.abort(new Error('enough'))
      }
    }
    await expect(gzipped(endless(), { blockBytes: 1000, signal: stop.signal })).rejects.toThrow('enough')
  })

  it('combines checksums as if the bytes had been joined', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 3000 }), (first, second) => {
        const joined = crc32(Buffer.concat([first, second]))
        expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(joined)
      }),
    )
  })
})
