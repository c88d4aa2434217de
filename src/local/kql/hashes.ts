/** An unsigned 64-bit number in halves: bigint arithmetic is several times slower, and a hash runs once per row. */
interface Word {
  high: number
  low: number
}

const PRIME_1: Readonly<Word> = { high: 0x9e37_79b1, low: 0x85eb_ca87 }
const PRIME_2: Readonly<Word> = { high: 0xc2b2_ae3d, low: 0x27d4_eb4f }
const PRIME_3: Readonly<Word> = { high: 0x1656_67b1, low: 0x9e37_79f9 }
const PRIME_4: Readonly<Word> = { high: 0x85eb_ca77, low: 0xc2b2_ae63 }
const PRIME_5: Readonly<Word> = { high: 0x27d4_eb2f, low: 0x1656_67c5 }

function multiply(word: Word, by: Readonly<Word>): void {
  const [a0, a1, b0, b1] = [word.low & 0xffff, word.low >>> 16, by.low & 0xffff, by.low >>> 16]
  const [p00, p01, p10] = [a0 * b0, a0 * b1, a1 * b0]
  const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff)
  const carry = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16)
  word.high = (carry + Math.imul(word.high, by.low) + Math.imul(word.low, by.high)) >>> 0
  word.low = ((middle << 16) | (p00 & 0xffff)) >>> 0
}

function add(word: Word, by: Readonly<Word>): void {
  const low = word.low + by.low
  word.high = (word.high + by.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0
  word.low = low >>> 0
}

function xor(word: Word, by: Readonly<Word>): void {
  word.high = (word.high ^ by.high) >>> 0
  word.low = (word.low ^ by.low) >>> 0
}

function rotate(word: Word, by: number): void {
  const { high, low } = word
  word.high = ((high << by) | (low >>> (32 - by))) >>> 0
  word.low = ((low << by) | (high >>> (32 - by))) >>> 0
}

/** word ^= word >> by */
function fold(word: Word, by: number): void {
  const { high } = word
  if (by >= 32) word.low = (word.low ^ (by === 32 ? high : high >>> (by - 32))) >>> 0
  else {
    word.low = (word.low ^ ((word.low >>> by) | (high << (32 - by)))) >>> 0
    word.high = (high ^ (high >>> by)) >>> 0
  }
}

function copy(word: Readonly<Word>): Word {
  return { high: word.high, low: word.low }
}

function readWord(bytes: Buffer, at: number): Word {
  return { high: bytes.readUInt32LE(at + 4), low: bytes.readUInt32LE(at) }
}

function round(accumulator: Word, lane: Word): void {
  multiply(lane, PRIME_2)
  add(accumulator, lane)
  rotate(accumulator, 31)
  multiply(accumulator, PRIME_1)
}

/** The four lanes that take 32 bytes at a time, merged. */
function longHash(bytes: Buffer): Word {
  const first = copy(PRIME_1)
  add(first, PRIME_2)
  // The last one starts at -PRIME_1.
  const last = { high: ~PRIME_1.high >>> 0, low: -PRIME_1.low >>> 0 }
  const lanes: readonly Word[] = [first, copy(PRIME_2), { high: 0, low: 0 }, last]
  for (let at = 0; at + 32 <= bytes.length; at += 32) {
    for (const [index, lane] of lanes.entries()) round(lane, readWord(bytes, at + index * 8))
  }
  const rotations = [1, 7, 12, 18]
  const hash: Word = { high: 0, low: 0 }
  for (const [index, lane] of lanes.entries()) {
    const turned = copy(lane)
    rotate(turned, rotations[index] ?? 0)
    add(hash, turned)
  }
  for (const lane of lanes) {
    const merged: Word = { high: 0, low: 0 }
    round(merged, copy(lane))
    xor(hash, merged)
    multiply(hash, PRIME_1)
    add(hash, PRIME_4)
  }
  return hash
}

/** xxHash64 with seed 0, as a signed long. */
export function xxHash64(bytes: Buffer): bigint {
  const hash = bytes.length >= 32 ? longHash(bytes) : copy(PRIME_5)
  add(hash, { high: 0, low: bytes.length })
  let at = bytes.length - (bytes.length % 32)
  for (; at + 8 <= bytes.length; at += 8) {
    const lane: Word = { high: 0, low: 0 }
    round(lane, readWord(bytes, at))
    xor(hash, lane)
    rotate(hash, 27)
    multiply(hash, PRIME_1)
    add(hash, PRIME_4)
  }
  if (at + 4 <= bytes.length) {
    const lane: Word = { high: 0, low: bytes.readUInt32LE(at) }
    multiply(lane, PRIME_1)
    xor(hash, lane)
    rotate(hash, 23)
    multiply(hash, PRIME_2)
    add(hash, PRIME_3)
    at += 4
  }
  for (; at < bytes.length; at++) {
    const lane: Word = { high: 0, low: bytes.readUInt8(at) }
    multiply(lane, PRIME_5)
    xor(hash, lane)
    rotate(hash, 11)
    multiply(hash, PRIME_1)
  }
  fold(hash, 33)
  multiply(hash, PRIME_2)
  fold(hash, 29)
  multiply(hash, PRIME_3)
  fold(hash, 32)
  return BigInt.asIntN(64, (BigInt(hash.high) << 32n) | BigInt(hash.low))
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
