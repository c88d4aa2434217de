/** Where a failure happened. Never holds a secret: URLs are cut before their query string. */
export interface KustoErrorContext {
  readonly cluster?: string
  readonly database?: string
  readonly table?: string
  /** The staging table of a write that has left one. */
  readonly stagingTable?: string
  /** The `x-ms-client-request-id` of the call. */
  readonly clientRequestId?: string
}

export interface KustoErrorOptions {
  readonly cause?: unknown
  readonly context?: KustoErrorContext
  /** Whether the same call may succeed when repeated. Default false. */
  readonly retryable?: boolean
}

/** The base of every error this package makes. `code` is stable and listed in docs/errors.md. */
export class KustoError extends Error {
  override readonly name: string = 'KustoError'
  readonly code: string
  readonly retryable: boolean
  readonly context: KustoErrorContext

  constructor(code: string, message: string, options: KustoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
  }
}

/** The caller's mistake, found before any request is sent. */
export class KustoUsageError extends KustoError {
  override readonly name = 'KustoUsageError'
}

/** No token could be had, or the service refused it. */
export class KustoAuthError extends KustoError {
  override readonly name = 'KustoAuthError'
}

export interface KustoNetworkErrorOptions extends KustoErrorOptions {
  /** Whether a part of the request never left this machine, so that the service cannot have carried it out. Default false. */
  readonly isUnsent?: boolean
}

/** The service gave no usable answer: connection refused, reset, timed out, or an answer that is not Kusto's. */
export class KustoNetworkError extends KustoError {
  override readonly name = 'KustoNetworkError'
  /** Whether it is sure that the service did not get the whole request. */
  readonly isUnsent: boolean

  constructor(code: string, message: string, options: KustoNetworkErrorOptions = {}) {
    super(code, message, options)
    this.isUnsent = options.isUnsent ?? false
  }
}

export interface KustoServiceErrorOptions extends KustoErrorOptions {
  /** HTTP status of the answer; 200 when the failure came inside a successful body. */
  readonly status: number
  /** `@permanent` of the service's error; undefined when the service did not say. */
  readonly permanent?: boolean
  readonly activityId?: string
  /** The service's innermost error code, for example `SEM0100`. */
  readonly innerCode?: string
  /** The service's exception class, for example `Kusto.Data.Exceptions.KustoRequestThrottledException`. */
  readonly type?: string
  /** Milliseconds from the Retry-After header. */
  readonly retryAfterMs?: number
}

/** The service answered with an error (OneApiError). `code` is the service's own, for example `BadRequest_SyntaxError`. */
export class KustoServiceError extends KustoError {
  override readonly name = 'KustoServiceError'
  readonly status: number
  readonly permanent: boolean | undefined
  readonly activityId: string | undefined
  readonly innerCode: string | undefined
  /** The service's exception class. */
  readonly type: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, options: KustoServiceErrorOptions) {
    super(code, message, options)
    this.status = options.status
    this.permanent = options.permanent
    this.activityId = options.activityId
    this.innerCode = options.innerCode
    this.type = options.type
    this.retryAfterMs = options.retryAfterMs
  }
}

export interface KustoProtocolErrorOptions extends KustoErrorOptions {
  /** Byte offset into the (decompressed) body. */
  readonly offset?: number
  /** What was being read, for example `frames[3].Rows`. */
  readonly path?: string
}

/** Bytes that break Kusto's wire format: malformed, truncated or incomplete. */
export class KustoProtocolError extends KustoError {
  override readonly name = 'KustoProtocolError'
  readonly offset: number | undefined
  readonly path: string | undefined

  constructor(code: string, message: string, options: KustoProtocolErrorOptions = {}) {
    super(code, message, options)
    this.offset = options.offset
    this.path = options.path
  }
}

export interface KustoDataErrorOptions extends KustoErrorOptions {
  readonly column?: string
  /** 0-based row of the batch or result. */
  readonly row?: number
  /** The type the value was meant for. */
  readonly type?: string
}

/** A value that does not fit its column's type. */
export class KustoDataError extends KustoError {
  override readonly name = 'KustoDataError'
  readonly column: string | undefined
  readonly row: number | undefined
  readonly type: string | undefined

  constructor(code: string, message: string, options: KustoDataErrorOptions = {}) {
    super(code, message, options)
    this.column = options.column
    this.row = options.row
    this.type = options.type
  }
}

/** What became of one blob of a write. */
export interface BlobFailure {
  readonly sourceId: string
  readonly status: string
  readonly errorCode?: string
  /** `Permanent`, `Transient`, `Exhausted` or `Unknown`, as the service says. */
  readonly failureStatus?: string
  readonly details?: string
  /** Where the blob was staged, without query string. */
  readonly url?: string
  /** Rows in the blob. */
  readonly rows?: number
}

export interface KustoIngestErrorOptions extends KustoErrorOptions {
  readonly failures?: readonly BlobFailure[]
  readonly receipt?: unknown
}

/** An ingestion that failed in whole or in part; `failures` has one entry per blob that did not arrive. */
export class KustoIngestError extends KustoError {
  override readonly name = 'KustoIngestError'
  readonly failures: readonly BlobFailure[]
  /** The stored form of the receipt of what the service had taken, to be read with `receipt()` of a connector. */
  readonly receipt: unknown

  constructor(code: string, message: string, options: KustoIngestErrorOptions = {}) {
    super(code, message, options)
    this.failures = options.failures ?? []
    this.receipt = options.receipt
  }
}
