import type { NumberType } from './phone-number.ts';
import type { Mode, Rule } from './screening.ts';

/** Kinds of numbers that are not sent to. */
export interface NumberTypePolicy {
  types: readonly NumberType[];
  mode: Mode;
}

/** Blocks numbers of kinds that nobody receives a code on, or that earn somebody money. Unknown kinds pass: fiction has none. */
export function createNumberTypeRule({ types, mode }: NumberTypePolicy): Rule {
  return {
    async judge({ numberType }) {
      if (numberType === null || !types.includes(numberType)) return { findings: [] };
      const detail = `${numberType.toLowerCase().replaceAll('_', '-')} numbers are not sent to`;
      return {
        findings: [
          { rule: 'number-type', mode, verdict: { kind: 'blocked', reason: 'number_type_not_allowed' }, detail },
        ],
      };
    },
  };
}
