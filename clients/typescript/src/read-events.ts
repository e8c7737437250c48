/** One Server-Sent Event; fields that it does not have are empty. */
export interface ServerSentEvent {
  id: string;
  event: string;
  data: string;
}

/**
 * Reads Server-Sent Events; comments and `retry` are passed over.
 *
 * @param onBytes - called whenever something arrives, be it only a comment.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => {},
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let unread = '';
  let fields: ServerSentEvent = { id: '', event: '', data: '' };
  for await (const chunk of body) {
    onBytes();
    const lines = (unread + decoder.decode(chunk, { stream: true })).split('\n');
    unread = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, value = ''] = /^(id|event|data): ?(.*?)\r?$/.exec(line) ?? [];
      if (name !== undefined) fields = { ...fields, [name]: value };
      else if (line.trim() === '') {
        if (fields.data !== '') yield fields;
        fields = { id: '', event: '', data: '' };
      }
    }
  }
}
