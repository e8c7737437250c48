import type { Rule } from './screening.ts';

/** Numbers in E.164 form, and prefixes of numbers, which end with `*`. */
export type NumberList = readonly string[];

/** Whether a number is on a list, by itself or by its beginning. */
export function isListed(list: NumberList, number: string): boolean {
  return list.some((entry) => (entry.endsWith('*') ? number.startsWith(entry.slice(0, -1)) : number === entry));
}

/** Blocks the numbers of the block list. */
export function createBlockListRule(list: NumberList): Rule {
  return {
    async judge({ to }) {
      if (!isListed(list, to)) return { findings: [] };
      const verdict = { kind: 'blocked', reason: 'number_blocked' } as const;
      return {
        findings: [{ rule: 'block-list', mode: 'enforce', verdict, detail: 'the number is on the block list' }],
      };
    },
  };
}

/** A rule that does not concern the numbers of the safe list. */
export function exceptListed(list: NumberList, rule: Rule): Rule {
  return {
    judge: async (applicant, options) =>
      isListed(list, applicant.to) ? { findings: [] } : rule.judge(applicant, options),
    release: async (applicant) => rule.release?.(applicant),
  };
}
