import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { tableCrc32 } from '../../../src/arrow/kernels/crc32.ts'

it('gives the CRC-32 that zlib gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(tableCrc32(bytes)).toBe(crc32(bytes))
    }),
  )
})
