import type { Rule } from './screening.ts';

/** Blocks numbers of countries that the operator does not send to. @param allowed - `COUNTRIES` */
export function createCountryRule(allowed: readonly string[]): Rule {
  return {
    async judge({ country }) {
      if (country !== null && allowed.includes(country)) return { findings: [] };
      const detail = `numbers of ${country ?? 'no country'} are not in COUNTRIES`;
      return {
        findings: [
          { rule: 'country', mode: 'enforce', verdict: { kind: 'blocked', reason: 'country_not_allowed' }, detail },
        ],
      };
    },
  };
}
