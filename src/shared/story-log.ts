import type { Logger } from 'pino';
import type { VerificationId } from './ids.ts';
import type { StoryFact } from './story.ts';
import type { Attempt } from './verification.ts';

/** What the facts are about; null: an event about an endpoint belongs to no verification. */
interface Subject {
  id: VerificationId | null;
  attempts?: readonly Attempt[];
}

/** Tells facts to the process's log, in the words of the timeline: one line each. */
export function logStory(
  log: Logger,
  { id, attempts }: Subject,
  story: readonly StoryFact[],
  words: (fact: StoryFact) => string,
): void {
  for (const fact of story) {
    const { type, at, attempt, reason, event, ...figures } = fact;
    const about = attempt === undefined ? undefined : attempts?.[attempt];
    log.info(
      {
        fact: type,
        verification: id,
        ...(about && { attempt: about.id, channel: about.channel }),
        ...(reason != null && { reason }),
        ...(event !== undefined && { event }),
        ...figures,
      },
      words(fact),
    );
  }
}
