import type { Analysis, AnalyzeScope, DatabaseSchema } from './syntax.ts'

/** What the main thread asks of the language worker. */
export type LanguageRequest =
  | { readonly kind: 'databases'; readonly databases: readonly DatabaseSchema[] }
  | { readonly kind: 'analyze'; readonly id: number; readonly text: string; readonly scope: AnalyzeScope }

/** What the language worker answers. */
export type LanguageReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'analysis'; readonly id: number; readonly analysis: Analysis }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string; readonly stack: string }
