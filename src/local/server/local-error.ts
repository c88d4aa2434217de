import { KustoError } from '../../errors.ts'

export interface LocalErrorOptions {
  /** HTTP status, default 400. */
  readonly status?: number
  /** `@permanent` of the answer, default true. */
  readonly permanent?: boolean
  /** The .NET exception name the service would give, default `Kusto.Data.Exceptions.KustoBadRequestException`. */
  readonly type?: string
  /** Innermost code, for example `SEM0100`. */
  readonly innerCode?: string
  readonly cause?: unknown
}

/** A failure that the embedded Kusto answers in Kusto's own error shape (OneApiError). */
export class LocalError extends KustoError {
  override readonly name = 'LocalError'
  readonly status: number
  readonly permanent: boolean
  readonly type: string
  readonly innerCode: string | undefined

  constructor(code: string, message: string, options: LocalErrorOptions = {}) {
    super(code, message, options.cause === undefined ? {} : { cause: options.cause })
    this.status = options.status ?? 400
    this.permanent = options.permanent ?? true
    this.type = options.type ?? 'Kusto.Data.Exceptions.KustoBadRequestException'
    this.innerCode = options.innerCode
  }
}

/** The answer to everything the embedded Kusto does not do: it rejects, it never approximates. */
export function notSupported(feature: string, detail?: string): LocalError {
  return new LocalError(
    'BadRequest_NotSupportedByEmulator',
    `${feature} is not supported by the embedded Kusto${detail === undefined ? '' : `: ${detail}`}`,
  )
}

const UDF_FAILURE = /user function failed \{\{(\w+)\|(\d+)\}\} ([^]*)/

/** The text by which an error of a user function passes through DuckDB. */
export function udfFailure(name: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const [code, status, text] =
    error instanceof LocalError
      ? [error.code, error.status, message]
      : ['InternalServiceError', 500, `${name}: ${message}`]
  return `user function failed {{${code}|${status}}} ${text}`
}

/** The error behind a text of DuckDB; undefined when no user function failed. */
export function errorOfUdf(message: string, cause: unknown): LocalError | undefined {
  const [, code, status, text] = UDF_FAILURE.exec(message) ?? []
  if (code === undefined) return undefined
  if (status === '400') return new LocalError(code, text ?? '', { cause })
  const type = 'Kusto.Data.Exceptions.KustoServiceException'
  return new LocalError(code, text ?? '', { status: Number(status), permanent: false, type, cause })
}
