/** A blob as the operation's details name it, or as storage measures it. */
export interface SizedBlob {
  readonly url: string
  readonly rows: number
  readonly bytes: number
}

/**
 * Shares blobs out over `count` partitions so that the largest partition is small: largest blob first, always to the
 * partition with the fewest bytes (then fewest rows). Same input, same answer. Inside a partition the blobs keep their
 * order in the export. Partitions may be empty; there are always `count`.
 */
export function packPartitions<Blob extends SizedBlob>(
  blobs: readonly Blob[],
  count: number,
): readonly (readonly Blob[])[] {
  const bins = Array.from({ length: count }, () => ({ bytes: 0, rows: 0, members: [] as number[] }))
  const bySize = blobs
    .map((blob, index) => ({ blob, index }))
    .sort((a, b) => b.blob.bytes - a.blob.bytes || b.blob.rows - a.blob.rows || a.index - b.index)
  for (const { blob, index } of bySize) {
    const bin = bins.reduce((best, next) =>
      next.bytes < best.bytes || (next.bytes === best.bytes && next.rows < best.rows) ? next : best,
    )
    bin.bytes += blob.bytes
    bin.rows += blob.rows
    bin.members.push(index)
  }
  return bins.map((bin) =>
    bin.members
      .sort((a, b) => a - b)
      .map((index) => blobs[index])
      .filter((blob) => blob !== undefined),
  )
}
