import { describe, expect, it } from 'vitest'
import { ReusedSlices } from '../../src/arrow/reused-slices.ts'

const LENGTH = 400_000

function numbered(memory: ArrayBuffer | SharedArrayBuffer, offset: number): Uint8Array {
  const bytes = new Uint8Array(memory, offset)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31) ^ (at >> 8)
  return bytes
}

describe('ReusedSlices', () => {
  it.each([ArrayBuffer, SharedArrayBuffer])(
    'copies exactly the range, however it is aligned, from %o',
    async (Memory) => {
      const bytes = numbered(new Memory(LENGTH), 3)
      const slices = new ReusedSlices(bytes)
      for (const [start, end] of [
        [0, 8],
        [0, 200_000],
        [5, 200_001],
        [6, 390_000],
        [7, 7],
        [4096, 150_000],
      ] as const) {
        const copy = await slices.during(() => Promise.resolve(new Uint8Array(slices.copy(start, end)).slice()))
        expect(copy.length).toBe(end - start)
        expect(Buffer.compare(copy, new Uint8Array(bytes.subarray(start, end)))).toBe(0)
      }
    },
  )

  it('uses the memory of a read again, and not while another one of the file goes on', async () => {
    const bytes = numbered(new ArrayBuffer(LENGTH), 0)
    const slices = new ReusedSlices(bytes)
    const reading = async (start: number): Promise<ArrayBuffer> => slices.copy(start, start + 200_000)
    const first = await slices.during(() => reading(0))
    const second = await slices.during(() => reading(8))
    expect(second).toBe(first)
    let end = (): void => undefined
    const held: ArrayBuffer[] = []
    const slow = slices.during(async () => {
      held.push(slices.copy(16, 200_016))
      await new Promise<void>((resolve) => (end = resolve))
    })
    const beside = await slices.during(() => reading(24))
    const after = await slices.during(() => reading(32))
    expect(new Set([held[0], beside, after]).size).toBe(3)
    expect(Buffer.compare(new Uint8Array(held[0]!), bytes.subarray(16, 200_016))).toBe(0)
    end()
    await slow
    expect([held[0], beside, after]).toContain(await slices.during(() => reading(40)))
  })

  it('does not lend memory outside of reads', () => {
    const slices = new ReusedSlices(numbered(new ArrayBuffer(LENGTH), 0))
    expect(slices.copy(0, 200_000)).not.toBe(slices.copy(0, 200_000))
  })
})
