/** One Server-Sent Event; `event` is `message` when the stream names none. */
export interface ServerSentEvent {
  event: string;
  data: string;
}

/**
 * The events of a stream, as they come; comments and ids are left out.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let buffered = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    buffered += chunk;
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = { event: 'message', data: '' };
      for (const line of block.split('\n')) {
        if (line.startsWith('event: ')) event.event = line.slice('event: '.length);
        if (line.startsWith('data: ')) event.data += line.slice('data: '.length);
      }
      if (event.data !== '') yield event;
    }
  }
}
