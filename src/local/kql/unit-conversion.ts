import { notSupported } from '../server/local-error.ts'

/** Size of one unit in the quantity's base unit; names as UnitsNet has them, which Kusto uses. */
type Units = ReadonlyMap<string, number>

const METRIC = [
  ['Nano', 1e-9],
  ['Micro', 1e-6],
  ['Milli', 1e-3],
  ['Centi', 1e-2],
  ['Deci', 1e-1],
  ['Deca', 1e1],
  ['Hecto', 1e2],
  ['Kilo', 1e3],
  ['Mega', 1e6],
  ['Giga', 1e9],
  ['Tera', 1e12],
] as const

/** A unit and its metric multiples (`Kilonewton`), restricted to the prefixes that exist for it. */
function metric(unit: string, size: number, prefixes: string): readonly (readonly [string, number])[] {
  const wanted = prefixes.split(' ')
  const multiples = METRIC.filter(([prefix]) => wanted.includes(prefix)).map(
    ([prefix, factor]) => [`${prefix}${unit.toLowerCase()}`, factor * size] as const,
  )
  return [[unit, size], ...multiples]
}

const ANGLE: Units = new Map([
  ['Degree', 1],
  ['Arcminute', 1 / 60],
  ['Arcsecond', 1 / 3600],
  ['Gradian', 0.9],
  ['Revolution', 360],
  ...metric('Radian', 180 / Math.PI, 'Nano Micro Milli Centi Deci'),
  ['Microdegree', 1e-6],
  ['Millidegree', 1e-3],
  ['Nanodegree', 1e-9],
])

const ENERGY: Units = new Map([
  ...metric('Joule', 1, 'Nano Micro Milli Kilo Mega Giga Tera'),
  ['WattHour', 3600],
  ['KilowattHour', 3.6e6],
  ['MegawattHour', 3.6e9],
  ['GigawattHour', 3.6e12],
  ['TerawattHour', 3.6e15],
  ['WattDay', 86_400],
  ['KilowattDay', 86_400e3],
  ['MegawattDay', 86_400e6],
  ['GigawattDay', 86_400e9],
  ['TerawattDay', 86_400e12],
  ['BritishThermalUnit', 1055.05585262],
  ['KilobritishThermalUnit', 1055.05585262e3],
  ['MegabritishThermalUnit', 1055.05585262e6],
  ['GigabritishThermalUnit', 1055.05585262e9],
  ...metric('Calorie', 4.184, 'Kilo Mega'),
  ['ElectronVolt', 1.602176565e-19],
  ['KiloelectronVolt', 1.602176565e-16],
  ['MegaelectronVolt', 1.602176565e-13],
  ['GigaelectronVolt', 1.602176565e-10],
  ['TeraelectronVolt', 1.602176565e-7],
  ['Erg', 1e-7],
  ['HorsepowerHour', 2.6845195377e6],
])

const FORCE: Units = new Map([
  ...metric('Newton', 1, 'Micro Milli Deca Kilo Mega'),
  ['Dyn', 1e-5],
  ['KilogramForce', 9.80665],
  ['KiloPond', 9.80665],
  ['TonneForce', 9806.65],
  ['PoundForce', 4.4482216152605],
  ['KilopoundForce', 4448.2216152605],
  ['OunceForce', 4.4482216152605 / 16],
  ['Poundal', 0.138254954376],
])

const LENGTH: Units = new Map([
  ...metric('Meter', 1, 'Nano Micro Milli Centi Deci Hecto Kilo'),
  ['Foot', 0.3048],
  ['Inch', 0.0254],
  ['Yard', 0.9144],
  ['Mile', 1609.344],
  ['NauticalMile', 1852],
  ['Fathom', 1.8288],
  ['Chain', 20.1168],
  ['Hand', 0.1016],
  ['Angstrom', 1e-10],
  ['Microinch', 0.0254e-6],
  ['Mil', 0.0254e-3],
  ['Twip', 0.0254 / 1440],
])

const MASS: Units = new Map([
  ...metric('Gram', 1e-3, 'Nano Micro Milli Centi Deci Deca Hecto Kilo'),
  ['Tonne', 1e3],
  ['Kilotonne', 1e6],
  ['Megatonne', 1e9],
  ['Pound', 0.45359237],
  ['Kilopound', 453.59237],
  ['Megapound', 453592.37],
  ['Ounce', 0.028349523125],
  ['Stone', 6.35029318],
  ['LongTon', 1016.0469088],
  ['ShortTon', 907.18474],
  ['LongHundredweight', 50.80234544],
  ['ShortHundredweight', 45.359237],
  ['Grain', 64.79891e-6],
])

const SPEED: Units = new Map([
  ['MeterPerSecond', 1],
  ['MeterPerMinute', 1 / 60],
  ['MeterPerHour', 1 / 3600],
  ['KilometerPerSecond', 1e3],
  ['KilometerPerMinute', 1e3 / 60],
  ['KilometerPerHour', 1e3 / 3600],
  ['CentimeterPerSecond', 1e-2],
  ['CentimeterPerMinute', 1e-2 / 60],
  ['CentimeterPerHour', 1e-2 / 3600],
  ['DecimeterPerSecond', 1e-1],
  ['DecimeterPerMinute', 1e-1 / 60],
  ['MillimeterPerSecond', 1e-3],
  ['MillimeterPerMinute', 1e-3 / 60],
  ['MillimeterPerHour', 1e-3 / 3600],
  ['MicrometerPerSecond', 1e-6],
  ['MicrometerPerMinute', 1e-6 / 60],
  ['NanometerPerSecond', 1e-9],
  ['NanometerPerMinute', 1e-9 / 60],
  ['FootPerSecond', 0.3048],
  ['FootPerMinute', 0.3048 / 60],
  ['FootPerHour', 0.3048 / 3600],
  ['InchPerSecond', 0.0254],
  ['InchPerMinute', 0.0254 / 60],
  ['InchPerHour', 0.0254 / 3600],
  ['YardPerSecond', 0.9144],
  ['YardPerMinute', 0.9144 / 60],
  ['YardPerHour', 0.9144 / 3600],
  ['MilePerHour', 0.44704],
  ['Knot', 1852 / 3600],
])

const VOLUME: Units = new Map([
  ...metric('Liter', 1e-3, 'Micro Milli Centi Deci Hecto Kilo Mega'),
  ['CubicMeter', 1],
  ['CubicCentimeter', 1e-6],
  ['CubicDecimeter', 1e-3],
  ['CubicMillimeter', 1e-9],
  ['CubicMicrometer', 1e-18],
  ['CubicKilometer', 1e9],
  ['CubicHectometer', 1e6],
  ['CubicInch', 0.0254 ** 3],
  ['CubicFoot', 0.3048 ** 3],
  ['CubicYard', 0.9144 ** 3],
  ['CubicMile', 1609.344 ** 3],
  // UnitsNet rounds this one, and its documented results with it.
  ['AcreFoot', 1 / 0.000810714],
  ['OilBarrel', 0.158987294928],
  ['MetricCup', 0.00025],
  ['MetricTeaspoon', 5e-6],
  ['UsTablespoon', 1.478676478125e-5],
  ['UsTeaspoon', 4.92892159375e-6],
  ['UsCustomaryCup', 0.0002365882365],
  ['UsLegalCup', 0.00024],
  ['UsGallon', 0.003785411784],
  ['UsQuart', 0.003785411784 / 4],
  ['UsPint', 0.003785411784 / 8],
  ['UsOunce', 0.003785411784 / 128],
  ['ImperialGallon', 0.00454609],
  ['ImperialPint', 0.00454609 / 8],
  ['ImperialOunce', 0.00454609 / 160],
])

const TABLES: ReadonlyMap<string, Units> = new Map([
  ['angle', ANGLE],
  ['energy', ENERGY],
  ['force', FORCE],
  ['length', LENGTH],
  ['mass', MASS],
  ['speed', SPEED],
  ['volume', VOLUME],
])

/** Kelvin of a temperature = (value + shift) * size. */
const TEMPERATURE: ReadonlyMap<string, readonly [shift: number, size: number]> = new Map([
  ['Kelvin', [0, 1]],
  ['DegreeCelsius', [273.15, 1]],
  ['DegreeFahrenheit', [459.67, 5 / 9]],
  ['DegreeRankine', [0, 5 / 9]],
])

/** A value of one unit in another. Units that are not in our tables are refused, not guessed. */
export function convertUnit(quantity: string, value: number, from: string, to: string): number {
  if (quantity === 'temperature') return convertTemperature(value, from, to)
  const units = TABLES.get(quantity)
  const [source, target] = [units?.get(from), units?.get(to)]
  if (source === undefined || target === undefined) {
    throw notSupported(`convert_${quantity} from ${from} to ${to}`)
  }
  return (value * source) / target
}

function convertTemperature(value: number, from: string, to: string): number {
  const [source, target] = [TEMPERATURE.get(from), TEMPERATURE.get(to)]
  if (!source || !target) throw notSupported(`convert_temperature from ${from} to ${to}`)
  return ((value + source[0]) * source[1]) / target[1] - target[0]
}
