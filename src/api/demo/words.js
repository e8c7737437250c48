/**
 * What the page says of a verification, put together from the texts of one language. Nothing here touches the page.
 *
 * @import { VerificationView } from '../../shared/verification-view.ts'
 * @import { Texts } from '../../shared/page-assets/texts/en.js'
 * @typedef {{ code: string, title: string, errors?: { pointer: string, detail: string }[] }} Problem
 */

/** @param {Texts} texts */
export function createWords({ demo, progress: said }) {
  /** Why the newest attempt was made, when the person did not ask for it. @param {VerificationView} v */
  function because(v) {
    const before = v.attempts.at(-2);
    if (!before) return [];
    switch (v.attempts.at(-1)?.trigger) {
      case 'failure':
        return [said[before.channel].couldNot];
      case 'timeout':
        return [said.timeout];
      case 'unknown':
        return [said[before.channel].mayNot];
      default:
        return [];
    }
  }

  /** @param {VerificationView['checks']} checks */
  const checksLeft = ({ used, max }) => demo.checksLeft(Math.max(0, max - used));

  return {
    checksLeft,

    /**
     * What is happening to an open verification, in a sentence or two that stay the same until something changes.
     *
     * @param {VerificationView} v
     * @param {(time: string) => string} clockTime
     */
    progress(v, clockTime) {
      const attempt = v.attempts.at(-1);
      if (!attempt) return said.queued;
      const words = said[attempt.channel];
      switch (attempt.status) {
        case 'queued':
          return attempt.tries > 0 ? words.again : [...because(v), words.queued].join(' ');
        case 'sending':
          return [...because(v), words.sending].join(' ');
        case 'sent': {
          const { next_attempt: next } = v;
          if (next) return `${words.sent} ${said[next.channel].follows(clockTime(next.at))}`;
          return [...because(v), words.sent].join(' ');
        }
        default:
          return v.attempts.some((a) => a.sent_at !== null) ? `${words.failed} ${said.olderWorks}` : words.failed;
      }
    },

    /** How a closed verification ended. @param {VerificationView} v */
    ending(v) {
      if (v.status === 'approved') return { title: demo.verified, text: demo.verifiedText(v.to) };
      const [title, text] = (v.reason && demo.endings[v.reason]) ?? [demo.notVerified, demo.notVerifiedText];
      return { title, text };
    },

    /**
     * A refusal, in words for the person.
     *
     * @param {Problem} problem
     * @param {number | undefined} retryAfterSeconds
     */
    refusal({ code, title, errors = [] }, retryAfterSeconds) {
      if (code === 'invalid-request' && errors.some(({ pointer }) => pointer === '/code')) return demo.codeForm;
      const words = demo.problems[code] ?? errors[0]?.detail ?? `${title}.`;
      return retryAfterSeconds === undefined ? words : `${words} ${demo.tryAgainIn(retryAfterSeconds)}`;
    },
  };
}
