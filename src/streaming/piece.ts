/** What one request of streaming ingestion carries, or one blob when it goes to the queue. */
export interface Piece {
  /** A guid: the request ids, the blob's name and its ingestion status go by it, whichever way the piece takes. */
  readonly sourceId: string
  /** The first row in the write; undefined where rows are not counted. */
  readonly rowOffset: number | undefined
  readonly rows: number | undefined
  /** Before compression. */
  readonly rawBytes: number
  /** The bytes as they are sent, the same at every call. */
  body(): Promise<PieceBody>
  /** The two halves of the rows; undefined for one row, and for what is not split. */
  halves?(): readonly [Piece, Piece]
}

export interface PieceBody {
  readonly bytes: Uint8Array
  readonly gzip: boolean
}
