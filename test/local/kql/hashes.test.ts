import { describe, expect, it } from 'vitest'

import { crc32, xxHash64 } from '../../../src/local/kql/hashes.ts'

describe('xxHash64', () => {
  it('agrees with the specification for every length up to four blocks', () => {
    for (let length = 0; length <= 130; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 167 + length * 31) & 0xff))
      expect(xxHash64(bytes), `${length} bytes`).toBe(model(bytes))
    }
  })

  it('agrees with the specification for words of all ones and single bits', () => {
    for (let bit = 0n; bit < 64n; bit++) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(1n << bit)
      expect(xxHash64(bytes)).toBe(model(bytes))
      bytes.writeBigUInt64LE(MASK >> bit)
      expect(xxHash64(bytes)).toBe(model(bytes))
    }
  })

  it('gives the documented hash of a string', () => {
    expect(xxHash64(Buffer.from('World'))).toBe(1_846_988_464_401_551_951n)
  })
})

describe('crc32', () => {
  it('gives the check value of its definition', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf4_3926)
  })
})

const MASK = 0xffff_ffff_ffff_ffffn
const PRIME_1 = 0x9e37_79b1_85eb_ca87n
const PRIME_2 = 0xc2b2_ae3d_27d4_eb4fn
const PRIME_3 = 0x1656_67b1_9e37_79f9n
const PRIME_4 = 0x85eb_ca77_c2b2_ae63n
const PRIME_5 = 0x27d4_eb2f_1656_67c5n

function rotate(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & MASK
}

function round(accumulator: bigint, lane: bigint): bigint {
  return (rotate((accumulator + lane * PRIME_2) & MASK, 31n) * PRIME_1) & MASK
}

function mergeRound(hash: bigint, accumulator: bigint): bigint {
  return ((hash ^ round(0n, accumulator)) * PRIME_1 + PRIME_4) & MASK
}

/** The specification in bigints. */
function model(bytes: Buffer): bigint {
  let at = 0
  let hash = PRIME_5
  if (bytes.length >= 32) {
    const lanes = [(PRIME_1 + PRIME_2) & MASK, PRIME_2, 0n, (MASK + 1n - PRIME_1) & MASK]
    for (; at + 32 <= bytes.length; at += 32) {
      for (const [index, lane] of lanes.entries()) lanes[index] = round(lane, bytes.readBigUInt64LE(at + index * 8))
    }
    const rotations = [1n, 7n, 12n, 18n]
    hash = lanes.reduce((sum, lane, index) => (sum + rotate(lane, rotations[index] ?? 0n)) & MASK, 0n)
    hash = lanes.reduce(mergeRound, hash)
  }
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * PRIME_1 + PRIME_4) & MASK
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * PRIME_1) & MASK), 23n) * PRIME_2 + PRIME_3) & MASK
    at += 4
  }
  for (; at < bytes.length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt8(at)) * PRIME_5) & MASK), 11n) * PRIME_1) & MASK
  }
  hash = ((hash ^ (hash >> 33n)) * PRIME_2) & MASK
  hash = ((hash ^ (hash >> 29n)) * PRIME_3) & MASK
  return BigInt.asIntN(64, hash ^ (hash >> 32n))
}
