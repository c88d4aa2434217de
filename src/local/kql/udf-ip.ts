import { notSupported } from '../server/local-error.ts'
import { isArray, parseJson } from './json.ts'
import { udf, variadicUdf, type Udf } from './udf-definition.ts'
import { jsonToText } from './udf-string.ts'

/** An address with the number of leading bits that count. */
interface Network {
  readonly address: bigint
  readonly prefix: number
}

type Bits = 32 | 128

export const IP_UDFS: readonly Udf[] = [
  udf('k_parse_ipv4', ['text', 'long'], 'long', (text, prefix) => masked(limited(parseIpv4(text), prefix, 32), 32)),
  udf('k_ipv4_suffix', ['text'], 'long', (text) => {
    const network = parseIpv4(text)
    return network ? BigInt(network.prefix) : null
  }),
  udf('k_ipv4_compare', ['text', 'text', 'long'], 'long', (a, b, prefix) =>
    compare(parseIpv4(a), parseIpv4(b), prefix, 32),
  ),
  udf('k_ipv4_private', ['text'], 'bool', (text) => {
    const network = parseIpv4(text)
    return network ? PRIVATE.some((range) => inside(network, range, 32)) : null
  }),
  udf('k_format_ipv4', ['text', 'long', 'bool'], 'text', formatIpv4),
  udf('k_ipv4_cidrs', ['text', 'text'], 'text', cidrList),
  udf('k_ipv6_compare', ['text', 'text', 'long'], 'long', compareIpv6),
  udf('k_parse_ipv6', ['text', 'long'], 'text', (text, prefix) => {
    const value = masked(limited(parseIpv6(text), prefix, 128), 128)
    return value === null ? null : ipv6Text(value)
  }),
  variadicUdf('k_ipv4_in_any', 'text?', 'bool', (text, ...ranges) => inAnyRange(text ?? null, ranges, parseIpv4, 32)),
  variadicUdf('k_ipv6_in_any', 'text?', 'bool', (text, ...ranges) => inAnyRange(text ?? null, ranges, parseIpv6, 128)),
  variadicUdf('k_has_ipv4', 'text?', 'bool', (text, ...wanted) => hasAddress(text ?? '', list(wanted))),
  variadicUdf('k_has_ipv4_prefix', 'text?', 'bool', (text, ...wanted) => hasPrefix(text ?? '', list(wanted))),
]

const PRIVATE: readonly Network[] = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].flatMap(
  (text) => parseIpv4(text) ?? [],
)

/** Dotted address with an optional `/prefix`. */
function parseIpv4(text: string): Network | undefined {
  const m = /^\s*(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,3}))?\s*$/.exec(text)
  if (!m) return undefined
  const bytes = m.slice(1, 5).map(Number)
  const prefix = Number(m[5] ?? 32)
  if (bytes.some((byte) => byte > 255) || prefix > 32) return undefined
  return { address: bytes.reduce((address, byte) => (address << 8n) | BigInt(byte), 0n), prefix }
}

const MAPPED = 0xffffn << 32n

/** An IPv6 address; one in IPv4 notation lies in ::ffff:0:0/96 and its prefix counts from there. */
function parseIpv6(text: string): Network | undefined {
  const dotted = parseIpv4(text.trim().replace(/^::(?:ffff:)?(?=\d+\.)/i, ''))
  if (dotted) return { address: MAPPED | dotted.address, prefix: dotted.prefix + 96 }
  const m = /^\s*([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?\s*$/.exec(text)
  const address = m ? ipv6Address(m[1] ?? '') : undefined
  const prefix = Number(m?.[2] ?? 128)
  return address === undefined || prefix > 128 ? undefined : { address, prefix }
}

function ipv6Address(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], tail = []] = groups
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  if (all.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return all.reduce((address, group) => (address << 16n) | BigInt(`0x${group}`), 0n)
}

function ipv6Text(address: bigint): string {
  return (address.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).join(':')
}

function limited(network: Network | undefined, prefix: bigint, bits: Bits): Network | undefined {
  if (!network || prefix < 0n || prefix > BigInt(bits)) return undefined
  return { address: network.address, prefix: Math.min(network.prefix, Number(prefix)) }
}

function masked(network: Network | undefined, bits: Bits): bigint | null {
  if (!network) return null
  const rest = BigInt(bits - network.prefix)
  return (network.address >> rest) << rest
}

function compare(a: Network | undefined, b: Network | undefined, prefix: bigint, bits: Bits): bigint | null {
  if (!a || !b || prefix < 0n || prefix > BigInt(bits)) return null
  const shared = Math.min(a.prefix, b.prefix, Number(prefix))
  const [x, y] = [masked({ ...a, prefix: shared }, bits) ?? 0n, masked({ ...b, prefix: shared }, bits) ?? 0n]
  return x < y ? -1n : x > y ? 1n : 0n
}

function compareIpv6(a: string, b: string, prefix: bigint): bigint | null {
  // Between two IPv4 addresses a prefix of up to 32 bits is one of IPv4.
  const bothIpv4 = parseIpv4(a) && parseIpv4(b)
  return compare(parseIpv6(a), parseIpv6(b), bothIpv4 && prefix <= 32n ? prefix + 96n : prefix, 128)
}

function inside(network: Network, range: Network, bits: Bits): boolean {
  const rest = BigInt(bits - Math.min(network.prefix, range.prefix))
  return network.address >> rest === range.address >> rest
}

function inAnyRange(
  text: string | null,
  ranges: readonly (string | null)[],
  parse: (text: string) => Network | undefined,
  bits: Bits,
): boolean | null {
  const network = text === null ? undefined : parse(text)
  if (!network) return null
  return list(ranges).some((item) => {
    const range = parse(item)
    return range !== undefined && inside(network, range, bits)
  })
}

/** Texts given one by one or as dynamic arrays; every argument is JSON text. */
function list(values: readonly (string | null)[]): readonly string[] {
  return values.flatMap((value) => {
    const json = value === null ? null : parseJson(value)
    if (isArray(json)) return json.map(jsonToText)
    return json === null || json === undefined ? [] : [jsonToText(json)]
  })
}

function formatIpv4(text: string, prefix: bigint, withMask: boolean): string {
  const network = /^\d+$/.test(text) ? numericIpv4(text) : parseIpv4(text)
  const cut = limited(network, prefix, 32)
  const address = masked(cut, 32)
  if (!cut || address === null) return ''
  return `${ipv4Text(address)}${withMask ? `/${cut.prefix}` : ''}`
}

function numericIpv4(text: string): Network | undefined {
  const address = BigInt(text)
  return address > 0xffff_ffffn ? undefined : { address, prefix: 32 }
}

function ipv4Text(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.')
}

/** The fewest networks that cover a range of addresses. */
function cidrList(first: string, last: string): string | null {
  const [from, to] = [parseIpv4(first), parseIpv4(last)]
  if (!from || !to || from.address > to.address) return null
  if (from.prefix !== 32 || to.prefix !== 32) throw notSupported('ipv4_range_to_cidr_list of addresses with a prefix')
  const found: string[] = []
  for (let at = from.address; at <= to.address;) {
    let size = 0n
    while (size < 32n && at % (2n << size) === 0n && at + (2n << size) - 1n <= to.address) size++
    found.push(`"${ipv4Text(at)}/${32n - size}"`)
    at += 1n << size
  }
  return `[${found.join(',')}]`
}

const ADDRESS = /(?<![0-9A-Za-z]\.?)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?!\.?[0-9A-Za-z])/g

function addresses(text: string): readonly string[] {
  return [...text.matchAll(ADDRESS)].map((m) => m[1] ?? '').filter((address) => parseIpv4(address))
}

function hasAddress(text: string, wanted: readonly string[]): boolean {
  const found = addresses(text)
  return wanted.some((item) => parseIpv4(item) !== undefined && found.includes(item))
}

function hasPrefix(text: string, wanted: readonly string[]): boolean {
  const found = addresses(text)
  // A prefix ends after a whole number: with a dot, or with the fourth number.
  const valid = wanted.filter((item) => /^(?:\d{1,3}\.){1,3}$/.test(item) || parseIpv4(item))
  return valid.some((item) =>
    found.some((address) => (item.endsWith('.') ? address.startsWith(item) : address === item)),
  )
}
