import { getCountries } from 'libphonenumber-js/max';
import type { Mode, Rule } from './screening.ts';

/** What `COUNTRIES` is: the countries that may be sent to, or those that may not. Numbers of no country are never allowed. */
export interface CountryPolicy {
  list: 'allow' | 'block';
  /** ISO 3166-1 alpha-2 codes. */
  countries: readonly string[];
  mode: Mode;
}

/** The countries that codes are meant for. */
export function allowedCountries({ list, countries }: CountryPolicy): readonly string[] {
  return list === 'allow' ? countries : getCountries().filter((country) => !countries.includes(country));
}

/** Blocks numbers of countries that the operator does not send to. */
export function createCountryRule({ list, countries, mode }: CountryPolicy): Rule {
  return {
    async judge({ country }) {
      const isAllowed = country !== null && countries.includes(country) === (list === 'allow');
      if (isAllowed) return { findings: [] };
      const detail = `numbers of ${country ?? 'no country'} are not sent to`;
      return {
        findings: [{ rule: 'country', mode, verdict: { kind: 'blocked', reason: 'country_not_allowed' }, detail }],
      };
    },
  };
}
