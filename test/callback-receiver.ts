import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** One delivery as it arrived. */
export interface Received {
  headers: IncomingHttpHeaders;
  /** The exact bytes. */
  raw: string;
  body: {
    type: string;
    timestamp: string;
    data: {
      sequence: number;
      verification: { id: string; status: string; reason: string | null; to: string; [member: string]: unknown };
      attempt?: { id: string; channel: string; status: string; trigger: string; error: { code: string } | null };
    };
  };
}

const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false, validateSchema: false });
formats.default(ajv);
ajv.addSchema(document, 'openapi.json');

/** How a body differs from the document's webhook of its type. */
function undocumented(body: Received['body']): string[] {
  const pointer = `/webhooks/${body.type}/post/requestBody/content/application~1json/schema`;
  if (document.webhooks[body.type] === undefined) return [`${body.type} is not documented`];
  const fits = ajv.validate({ $ref: `openapi.json#${pointer}` }, body);
  return fits ? [] : [`${body.type}: ${ajv.errorsText()}`];
}

export type CallbackReceiver = Awaited<ReturnType<typeof startCallbackReceiver>>;

/** A client's side of callbacks: a real HTTP server on a free port that keeps what it was sent. */
export async function startCallbackReceiver() {
  const received: Received[] = [];
  const faults: string[] = [];
  const waiting = new Set<() => void>();
  let held: Promise<void> | undefined;
  let release = () => {};
  const answers: { status: number; headers?: Record<string, string> }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString('utf8');
    const body = JSON.parse(raw) as Received['body'];
    received.push({ headers: request.headers, raw, body });
    faults.push(...undocumented(body));
    for (const wake of waiting) wake();
    await held;
    const { status, headers } = answers.shift() ?? { status: 204 };
    response.writeHead(status, headers).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    /** What arrived other than the OpenAPI document describes. */
    faults,

    /** Answers the next deliveries with these, then with 204 again. */
    answerWith(...next: typeof answers): void {
      answers.push(...next);
    },

    /** Takes deliveries from now on, and answers none until `release`. */
    hang(): void {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },

    release: () => release(),

    /** The first delivery, made already or still to come, that fits. */
    async first(fits: (delivery: Received) => boolean): Promise<Received> {
      for (;;) {
        const found = received.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },

    /** The first event of a type, for one verification. */
    async event(type: string, verificationId: string): Promise<Received> {
      return this.first(({ body }) => body.type === type && body.data.verification.id === verificationId);
    },

    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
