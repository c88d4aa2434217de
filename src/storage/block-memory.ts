/** Memory of an upload's blocks, used again: what is garbage outside of the JavaScript heap is collected late. */
export class BlockMemory {
  readonly blockBytes: number
  readonly #free: Uint8Array[] = []
  readonly #own = new WeakSet<Uint8Array>()

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes
  }

  /** The parts as one block; a single part stays where it is. */
  joined(parts: readonly Uint8Array[], size: number): Uint8Array {
    const [only] = parts
    if (only !== undefined && parts.length === 1) return only
    if (size < this.blockBytes) return Buffer.concat(parts, size)
    const block = this.#free.pop() ?? new Uint8Array(size)
    this.#own.add(block)
    let at = 0
    for (const part of parts) {
      block.set(part, at)
      at += part.length
    }
    return block
  }

  /** The block may be used again, where it is of this memory. */
  giveBack(block: Uint8Array): void {
    if (this.#own.has(block)) this.#free.push(block)
  }
}
