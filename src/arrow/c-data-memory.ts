/** A class of typed arrays over memory that is there. */
export interface TypedArrayClass<View extends ArrayBufferView> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, start: number, length: number): View
}

/** In the memory that is read, whose addresses are 32 bits wide. */
export const POINTER_BYTES = 4

/** Of the pointer to the buffers in `struct ArrowArray`. */
const BUFFERS = 40

interface Copy {
  readonly from: number
  readonly to: number
  readonly bytes: number
}

/**
 * The memory of a decoder, and what is to be copied out of it: places are given out first, so that one memory of exactly
 * the size that is needed holds all of it. Valid until the decoder's memory grows.
 */
export class CDataMemory {
  readonly #memory: ArrayBufferLike
  readonly #view: DataView
  readonly #copies: Copy[] = []
  #bytes = 0

  constructor(memory: ArrayBufferLike) {
    this.#memory = memory
    this.#view = new DataView(memory)
  }

  int32(address: number): number {
    return this.#view.getInt32(address, true)
  }

  int64(address: number): number {
    return Number(this.#view.getBigInt64(address, true))
  }

  pointer(address: number): number {
    return this.#view.getUint32(address, true)
  }

  /** Where a buffer of the array at `address` is; 0 when there is none. */
  buffer(address: number, index: number): number {
    return this.pointer(this.pointer(address + BUFFERS) + index * POINTER_BYTES)
  }

  /** Gives items a place. The answer makes the view of them when they are there. */
  planItems<View extends ArrayBufferView>(
    ViewType: TypedArrayClass<View>,
    { from, items }: { readonly from: number; readonly items: number },
  ): (copied: ArrayBuffer) => View {
    const bytes = items * ViewType.BYTES_PER_ELEMENT
    const to = this.#bytes
    if (bytes > 0) this.#copies.push({ from, to, bytes })
    // Values of eight bytes must begin at a multiple of eight.
    this.#bytes += Math.ceil(bytes / 8) * 8
    return (copied) => new ViewType(copied, to, items)
  }

  /** Gives bits a place, from the byte that bit `start` lies in. */
  planBits({
    from,
    start,
    length,
  }: {
    readonly from: number
    readonly start: number
    readonly length: number
  }): (copied: ArrayBuffer) => Uint8Array {
    const first = start >> 3
    return this.planItems(Uint8Array, { from: from + first, items: ((start + length + 7) >> 3) - first })
  }

  /** Copies what has a place. The memory is not of Node's pool, so that it can move to another thread. */
  copy(): ArrayBuffer {
    const copied = Buffer.allocUnsafeSlow(this.#bytes)
    for (const { from, to, bytes } of this.#copies) copied.set(new Uint8Array(this.#memory, from, bytes), to)
    return copied.buffer
  }
}
