import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Table } from 'apache-arrow'

const required = createRequire(import.meta.url)('apache-arrow') as typeof import('apache-arrow')
const imported = (await import(
  /* @vite-ignore */ pathToFileURL(
    createRequire(import.meta.url)
      .resolve('apache-arrow')
      .replace(/\.js$/, '.mjs'),
  ).href
)) as typeof import('apache-arrow')
/** The copy of apache-arrow that tests do not import: a CommonJS program has another one than an ES module has. */
export const foreign: typeof import('apache-arrow') = required.Table === Table ? imported : required
