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

/** xxHash64 with seed 0, as a signed long. */
export function xxHash64(bytes: Buffer): bigint {
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

/** CRC-32 of gzip. */
export function crc32(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
