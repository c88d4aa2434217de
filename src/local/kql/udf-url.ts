import { notSupported } from '../server/local-error.ts'
import { formatJson, type Json } from './json.ts'
import { udf, type Udf } from './udf-definition.ts'

export const URL_UDFS: readonly Udf[] = [
  udf('k_parse_url', ['text'], 'text', (text) => formatJson(parseUrl(text))),
  udf('k_parse_urlquery', ['text'], 'text', (text) =>
    formatJson(new Map([['Query Parameters', queryParameters(text)]])),
  ),
  udf('k_parse_path', ['text'], 'text', (text) => formatJson(parsePathParts(text))),
]

const URL_PATTERN =
  /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:([^/?#@:]*)(?::([^/?#@]*))?@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?(?:#(.*))?$/s

function parseUrl(text: string): Json {
  const m = URL_PATTERN.exec(text)
  if (!m) throw notSupported('parse_url of a text that is not an absolute URL')
  const [, scheme, username, password, host, port, path, query, fragment] = m
  return new Map<string, Json>([
    ['Scheme', scheme ?? ''],
    ['Host', host ?? ''],
    ['Port', port ?? ''],
    ['Path', path ?? ''],
    ['Username', username ?? ''],
    ['Password', password ?? ''],
    ['Query Parameters', queryParameters(query ?? '')],
    ['Fragment', fragment ?? ''],
  ])
}

function queryParameters(text: string): Json {
  const pairs = text
    .replace(/^\?/, '')
    .split('&')
    .filter((pair) => pair !== '')
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function parsePathParts(text: string): Json {
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(text) ?? []
  const cut = Math.max(rest.lastIndexOf('/'), rest.lastIndexOf('\\'))
  const directory = cut < 0 ? '' : rest.slice(0, cut)
  const last = rest.slice(cut + 1)
  const stream = last.indexOf(':')
  const file = stream < 0 ? last : last.slice(0, stream)
  const dot = file.lastIndexOf('.')
  const folders = directory.split(/[/\\]/)
  return new Map<string, Json>([
    ['Scheme', scheme],
    ['RootPath', /^[A-Za-z]:/.exec(rest)?.[0] ?? ''],
    ['DirectoryPath', directory],
    ['DirectoryName', folders.at(-1) ?? ''],
    ['Filename', file],
    ['Extension', dot < 0 ? '' : file.slice(dot + 1)],
    ['AlternateDataStreamName', stream < 0 ? '' : last.slice(stream + 1)],
  ])
}
