/** A look that is under way, and the one that follows it. */
interface Looks<T> {
  now: Promise<T>;
  next: Promise<T> | undefined;
}

/**
 * Lets many who want the same thing at once share one look: thousands may wait for one change. Whoever asks while a look
 * is under way gets the next one, since the change that woke them may have come after this one began.
 */
export function createSharedLooks<T>(look: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const underWay = new Map<string, Looks<T>>();

  function start(id: string): Looks<T> {
    const looks: Looks<T> = { now: look(id), next: undefined };
    underWay.set(id, looks);
    const end = () => {
      if (looks.next === undefined) underWay.delete(id);
    };
    looks.now.then(end, end);
    return looks;
  }

  return (id) => {
    const looks = underWay.get(id);
    if (looks === undefined) return start(id).now;
    const follow = () => start(id).now;
    looks.next ??= looks.now.then(follow, follow);
    return looks.next;
  };
}
