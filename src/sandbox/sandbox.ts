import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { Clock } from '../shared/clock.ts';
import { createIsAuthorized } from './authorization.ts';
import { createAwaitableLog, type WaitOptions } from './awaitable-log.ts';
import { type BehaviourFilter, createBehaviours, type Script } from './behaviour.ts';
import { createControl } from './control.ts';
import { PLAIN_ERRORS } from './errors.ts';
import { createInbox, type Message } from './inbox.ts';
import { createMfaApi, type SandboxRequest } from './mfa-api.ts';
import { createMfaStore, type MakeCode, makeRandomCode } from './mfa-store.ts';
import { createPhonePage } from './phone-page.ts';
import { createReceiver } from './receiver.ts';
import { createSpecialNumbers } from './special-numbers.ts';
import { createTroubles } from './troubles.ts';

export type { Message } from './inbox.ts';
export type { SandboxRequest } from './mfa-api.ts';

/** What a stand-in is made with. */
export interface SandboxOptions {
  /** The user of Basic authentication. */
  projectKey: string;
  /** Its password. */
  token: string;
  /** Decides when a code expires; the machine's clock by default. */
  clock?: Clock;
  /** Makes the codes; random ones by default. */
  makeCode?: MakeCode;
  /** The status of success: 200 (the default) is documented, some clients have met 201. */
  createdStatus?: 200 | 201;
  /** 127.0.0.1 by default. */
  host?: string;
  /** Waits for slow answers; real time by default. */
  delay?: (ms: number) => Promise<unknown>;
}

/** A SignalWire stand-in: a real HTTP server, and what a test wants to know of it. */
export interface Sandbox {
  /** Its origin, once it listens. */
  readonly url: string;
  /**
   * Starts to listen, on a free port by default, and resolves with the origin.
   *
   * @throws {Error} when the port is taken.
   */
  listen(port?: number): Promise<string>;
  /** Cuts every connection and stops. */
  close(): Promise<void>;
  /** Like `close`, until `comeBack`: connections are refused, and what is known is kept. */
  goDown(): Promise<void>;
  /** Listens again on the same port. */
  comeBack(): Promise<void>;
  /**
   * Scripts what becomes of the requests that fit; the newest script decides first. Requests that SignalWire would refuse
   * anyway (401, 400, 422) never reach a script.
   *
   * @returns a function that takes the script out again.
   */
  behave(filter: BehaviourFilter, script: Script<SandboxRequest>): () => void;
  /** The last 10 000 requests, oldest first. */
  readonly requests: readonly SandboxRequest[];
  /** The oldest request that fits and that no earlier call has returned, as soon as it is there. */
  nextRequest(matches?: (request: SandboxRequest) => boolean, options?: WaitOptions): Promise<SandboxRequest>;
  /** The texts and calls that arrived, oldest first. */
  messages(to?: string): readonly Message[];
  /** The oldest text or call (to this number) that no earlier call has returned, as soon as it is there. */
  nextMessage(to?: string, options?: WaitOptions): Promise<Message>;
  /** How many codes to this number were accepted, seen or unseen: what SignalWire would have charged for. */
  sendsTo(to: string): number;
  /** Forgets everything: codes, messages, requests, scripts and counts. */
  clear(): void;
}

const REQUESTS_KEPT = 10_000;

/** Builds a stand-in; `listen` starts it. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { projectKey, token, host = '127.0.0.1' } = options;
  const clock = options.clock ?? { now: Date.now };
  const store = createMfaStore({ clock, makeCode: options.makeCode ?? makeRandomCode });
  const inbox = createInbox();
  const requests = createAwaitableLog<SandboxRequest>({ capacity: REQUESTS_KEPT });
  const behaviours = createBehaviours<SandboxRequest>();
  const specialNumbers = createSpecialNumbers();
  const troubles = createTroubles();
  const isAuthorized = createIsAuthorized(projectKey, token);
  const sends = new Map<string, number>();
  let url = '';

  const app = express();
  app.disable('x-powered-by');
  app.use(
    '/api/relay/rest/mfa',
    createMfaApi({
      isAuthorized,
      clock,
      store,
      inbox,
      successStatus: options.createdStatus ?? 200,
      delay: options.delay ?? ((ms) => sleep(ms, undefined, { ref: false })),
      onRequest: requests.add,
      onAccepted: (to) => sends.set(to, (sends.get(to) ?? 0) + 1),
      decide: (subject, request) =>
        behaviours.decide(subject, request) ??
        troubles.decide(subject.operation) ??
        specialNumbers.decide(subject.operation, subject.to) ??
        'accept',
    }),
  );
  app.use('/control', createControl({ isAuthorized, troubles }));
  app.post('/receiver', createReceiver(troubles));
  app.use(createPhonePage({ inbox }));
  app.use((_request, response) => {
    response.status(404).json(PLAIN_ERRORS[404]);
  });
  const server = createServer(app);

  function listen(port = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        url = `http://${host.includes(':') ? `[${host}]` : host}:${portOf(server.address())}`;
        resolve(url);
      });
    });
  }

  function stopListening(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  return {
    get url() {
      return url;
    },
    listen,
    close: stopListening,
    goDown: stopListening,
    comeBack: async () => {
      await listen(Number(new URL(url).port));
    },
    behave: behaviours.add,
    requests: requests.items,
    nextRequest: (matches = () => true, wait) => requests.next('request that fits', matches, wait),
    messages: (to) => inbox.messages.filter((message) => to === undefined || message.to === to),
    nextMessage: inbox.next,
    sendsTo: (to) => sends.get(to) ?? 0,
    clear: () => {
      store.clear();
      inbox.clear();
      requests.clear();
      behaviours.clear();
      specialNumbers.clear();
      troubles.clear();
      sends.clear();
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the sandbox listens on no port');
  return address.port;
}
