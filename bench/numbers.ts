/** Area codes of the United States; 555 and the digits behind are kept for fiction. */
const AREA_CODES = [201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228];
const PER_AREA = 9_000;

/** So many different numbers that no sandbox gives a meaning to. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const area = AREA_CODES[Math.floor(n / PER_AREA) % AREA_CODES.length];
    return `+1${area}555${1_000 + (n % PER_AREA)}`;
  });
}
