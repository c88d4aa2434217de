import { describe, expect, it } from 'vitest'
import { BlockMemory } from '../../src/storage/block-memory.ts'

const parts = (...bytes: readonly (readonly number[])[]): readonly Uint8Array[] =>
  bytes.map((part) => Uint8Array.from(part))

describe('BlockMemory', () => {
  it('joins parts to full blocks, each in memory that was given back', () => {
    const memory = new BlockMemory(4)
    const first = memory.joined(parts([1], [2, 3, 4]), 4)
    const second = memory.joined(parts([5, 6], [7, 8]), 4)
    expect([...first, ...second]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    memory.giveBack(first)
    const third = memory.joined(parts([9, 9, 9], [9]), 4)
    expect(third).toBe(first)
    expect([...third, ...second]).toEqual([9, 9, 9, 9, 5, 6, 7, 8])
  })

  it('leaves a block that lies in one part where it is, and does not take it for its own', () => {
    const memory = new BlockMemory(4)
    const [part] = parts([1, 2, 3, 4])
    expect(memory.joined([part!], 4)).toBe(part)
    memory.giveBack(part!)
    expect(memory.joined(parts([5, 6], [7, 8]), 4)).not.toBe(part)
    expect([...part!]).toEqual([1, 2, 3, 4])
  })

  it('takes for the last block no more than its bytes', () => {
    expect(new BlockMemory(1 << 20).joined(parts([1], [2]), 2)).toHaveLength(2)
  })
})
