/**
 * What a call of Bull Board's interface does, for the audit log: `queues.retry` of `sms/<job id>`, `queues.pause` of `sms`
 * or of all queues.
 *
 * @param route - the template of its address, such as `/api/queues/:queueName/:jobId/retry`.
 */
export function boardAction(route: string, params: Record<string, unknown>) {
  const words = route.split('/').filter((part) => part !== '' && !part.startsWith(':'));
  const { queueName = 'all', jobId, ...rest } = params;
  return {
    action: `queues.${words.slice(2).join('.') || 'change'}`,
    subject: jobId === undefined ? String(queueName) : `${queueName}/${jobId}`,
    ...(Object.keys(rest).length > 0 && { data: rest }),
  };
}
