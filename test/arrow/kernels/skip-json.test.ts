import fc from 'fast-check'
import { expect, it } from 'vitest'
import { skipJson } from '../../../src/arrow/kernels/skip-json.ts'
import { sequenceLength } from '../../../src/arrow/kernels/utf8.ts'

function skip(bytes: Uint8Array): number {
  const padded = Buffer.concat([bytes, Buffer.alloc(16)])
  return skipJson(padded, new DataView(padded.buffer, padded.byteOffset, padded.length), 0)
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

it('accepts what JSON.parse accepts and stops at its end', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const bytes = Buffer.from(json)
      expect(skip(bytes)).toBe(bytes.length)
    }),
  )
})

it('agrees with JSON.parse about damaged JSON', () => {
  const damage = fc.record({
    at: fc.nat(),
    byte: fc.oneof(fc.constantFrom(...Buffer.from('[]{}",:\\019.eE+-tu')), fc.nat({ max: 255 })),
  })
  fc.assert(
    fc.property(fc.json({ maxDepth: 3 }), damage, (json, { at, byte }) => {
      const bytes = Buffer.from(json)
      bytes[at % bytes.length] = byte
      // White space at either end is the caller's to pass over.
      fc.pre(!/^\s|\s$/.test(bytes.toString('latin1')))
      expect(skip(bytes) === bytes.length).toBe(isJson(bytes))
    }),
    { numRuns: 5000 },
  )
})

it('takes exactly the UTF-8 sequences that a strict decoder takes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0x80, max: 0xff }),
      fc.array(fc.oneof(fc.integer({ min: 0x7e, max: 0xc1 }), fc.nat({ max: 255 })), { minLength: 3, maxLength: 3 }),
      (first, rest) => {
        const bytes = Uint8Array.from([first, ...rest, 0])
        const length = sequenceLength(bytes, 0)
        const decodes = [2, 3, 4].find((size) => {
          try {
            return (
              Array.from(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.slice(0, size)))
                .length === 1
            )
          } catch {
            return false
          }
        })
        expect(length > 0 ? length : undefined).toBe(decodes)
      },
    ),
    { numRuns: 20_000 },
  )
})
