import { countryOf, numberTypeOf } from '../src/shared/phone-number.ts';

const numberOf = (area: number, line: number) => `+1${area}555${line}`;
/** Of the United States; 555 and the digits behind are kept for fiction. */
const AREA_CODES = Array.from({ length: 800 }, (_, i) => 200 + i).filter((area) => {
  const number = numberOf(area, 1_000);
  return countryOf(number) === 'US' && numberTypeOf(number) === 'FIXED_LINE_OR_MOBILE';
});
const PER_AREA = 9_000;
/** About the golden section of {@link PER_AREA}, without a factor in common: whatever came before, the next one falls into a gap. */
const STRIDE = 5_563;

/** So many different numbers, strewn as those of real sign-ups are: a block asked for in a row would be a case for the guard. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const area = AREA_CODES[n % AREA_CODES.length] as number;
    return numberOf(area, 1_000 + ((Math.floor(n / AREA_CODES.length) * STRIDE) % PER_AREA));
  });
}
