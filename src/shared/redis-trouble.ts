/** How ioredis says that Redis is away, too slow, full, or still loading its data. */
const TROUBLE =
  /Command timed out|Connection is closed|Stream isn't writeable|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|max retries per request|Too many Cluster redirections|Cluster isn't ready|Failed to refresh slots cache|All sentinels are unreachable|^(LOADING|OOM|MISCONF|READONLY|BUSY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS)\b/i;

/** Whether Redis is in trouble, whatever it was asked: the same may go well a moment later. */
export function isRedisTrouble(error: unknown): boolean {
  const { name, message } = (error ?? {}) as { name?: string; message?: string };
  return name === 'MaxRetriesPerRequestError' || TROUBLE.test(message ?? '');
}
