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
