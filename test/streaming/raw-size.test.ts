import { deflateRawSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gzipSize, plainSize, zipSize } from '../../src/streaming/raw-size.ts'
import type { RawSize } from '../../src/streaming/raw-size.ts'

async function sizeOf(size: RawSize, bytes: Uint8Array, chunk: number): Promise<number> {
  try {
    for (let at = 0; at < bytes.length; at += chunk) await size.take(bytes.subarray(at, at + chunk))
    await size.end()
    return size.bytes
  } finally {
    size.close()
  }
}

/** A zip file as the format's description has it: an entry each, then the directory, then its end. */
function zip(entries: readonly { readonly name: string; readonly bytes: Uint8Array }[], comment = ''): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, bytes } of entries) {
    const packed = deflateRawSync(bytes)
    const header = Buffer.alloc(30 + name.length)
    header.writeUInt32LE(0x0403_4b50, 0)
    header.writeUInt32LE(packed.length, 18)
    header.writeUInt32LE(bytes.length, 22)
    header.writeUInt16LE(name.length, 26)
    header.write(name, 30)
    const entry = Buffer.alloc(46 + name.length)
    entry.writeUInt32LE(0x0201_4b50, 0)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt32LE(bytes.length, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(offset, 42)
    entry.write(name, 46)
    parts.push(header, packed)
    directory.push(entry)
    offset += header.length + packed.length
  }
  const size = directory.reduce((sum, entry) => sum + entry.length, 0)
  const end = Buffer.alloc(22 + comment.length)
  end.writeUInt32LE(0x0605_4b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  end.writeUInt16LE(comment.length, 20)
  end.write(comment, 22)
  return Buffer.concat([...parts, ...directory, end])
}

const anyBytes = fc.uint8Array({ maxLength: 3000 })
const anyChunk = fc.integer({ min: 1, max: 500 })

describe('the size before compression', () => {
  it('streaming:C5 of plain bytes is their number', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyChunk, async (bytes, chunk) => {
        expect(await sizeOf(plainSize(), bytes, chunk)).toBe(bytes.length)
      }),
    )
  })

  it('streaming:C5 of gzip is that of all its members, however it comes in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBytes, { minLength: 1, maxLength: 3 }), anyChunk, async (members, chunk) => {
        const bytes = Buffer.concat(members.map((member) => gzipSync(member)))
        const total = members.reduce((sum, member) => sum + member.length, 0)
        expect(await sizeOf(gzipSize(), bytes, chunk)).toBe(total)
      }),
      { numRuns: 50 },
    )
  })

  it('of gzip that is cut off or damaged is an error, and nothing else', async () => {
    const whole = gzipSync(Buffer.from('0,a\n'.repeat(1000)))
    for (const bytes of [whole.subarray(0, -1), whole.subarray(0, 20), Buffer.concat([whole, Buffer.from('rest')])]) {
      await expect(sizeOf(gzipSize(), bytes, 7)).rejects.toMatchObject({ code: 'KUSTO_BAD_GZIP' })
    }
  })

  it('streaming:C5 of zip is the sum in its directory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBytes, { minLength: 1, maxLength: 4 }), anyChunk, async (files, chunk) => {
        const entries = files.map((bytes, index) => ({ name: `f${index}.csv`, bytes }))
        const total = files.reduce((sum, bytes) => sum + bytes.length, 0)
        expect(await sizeOf(zipSize(), zip(entries), chunk)).toBe(total)
        expect(await sizeOf(zipSize(), zip(entries, 'made by hand'), chunk)).toBe(total)
      }),
      { numRuns: 50 },
    )
  })

  it('of what only begins like zip is an error', async () => {
    const entries = [{ name: 'a.csv', bytes: Buffer.from('0,a\n') }]
    for (const bytes of [Buffer.from('PK\u0003\u0004 and no end'), zip(entries).subarray(0, -10)]) {
      await expect(sizeOf(zipSize(), bytes, 100)).rejects.toMatchObject({ code: 'KUSTO_BAD_ZIP' })
    }
  })
})
