/** Zero bytes kept after the last byte: the sentinel readers stop at, and room for the loads of a whole fixed layout. */
const PADDING = 64

/**
 * The bytes of a body that are still needed: those from `pos` to `end` are unread. A zero byte follows the last one, so
 * that readers stop there without comparing positions; JSON has no zero byte of its own.
 *
 * Appending may move the bytes. What must outlive that is kept as an offset into the body, `base + position`.
 */
export class ByteWindow {
  buf: Buffer
  view: DataView
  pos: number
  end: number
  /** Offset into the body of the byte at position 0. */
  base: number

  constructor(capacity: number) {
    this.buf = Buffer.allocUnsafeSlow(capacity + PADDING)
    this.view = new DataView(this.buf.buffer)
    this.pos = 0
    this.end = 0
    this.base = 0
    this.buf.fill(0, 0, PADDING)
  }

  /** A window over a copy of bytes that are all there, which begin at `base` in the body. */
  static over(bytes: Uint8Array, base: number): ByteWindow {
    const window = new ByteWindow(bytes.length)
    window.append(bytes)
    window.base = base
    return window
  }

  /** Adds bytes at the end; the room is doubled when it runs out, so that a long value costs linear time. */
  append(bytes: Uint8Array): void {
    const unread = this.end - this.pos
    if (this.end + bytes.length + PADDING > this.buf.length) {
      // Moving what is unread is cheap while it is the smaller half.
      if (unread + bytes.length + PADDING <= this.buf.length && unread <= this.buf.length >> 1) {
        this.buf.copyWithin(0, this.pos, this.end)
      } else {
        const grown = Buffer.allocUnsafeSlow(Math.max(this.buf.length * 2, unread + bytes.length + PADDING))
        this.buf.copy(grown, 0, this.pos, this.end)
        this.buf = grown
        this.view = new DataView(grown.buffer)
      }
      this.base += this.pos
      this.pos = 0
      this.end = unread
    }
    this.buf.set(bytes, this.end)
    this.end += bytes.length
    this.buf.fill(0, this.end, this.end + PADDING)
  }
}
