import path from 'node:path';
import { pathToFileURL } from 'node:url';
import express, { type Response, Router } from 'express';
import { contentSecurityPolicy, OWN_FILES } from '../shared/content-security-policy.ts';
import { localizedPage, PAGE_ASSETS } from '../shared/localized-page.ts';
import type { Inbox, Message } from './inbox.ts';
import { SPECIAL_NUMBERS } from './special-numbers.ts';

const STATIC_DIR = path.join(import.meta.dirname, 'static');

/** Nothing from elsewhere, no inline script or style, not in a frame. */
const CONTENT_SECURITY_POLICY = contentSecurityPolicy(OWN_FILES);

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const KEEP_ALIVE_MS = 15_000;
/** A browser tab that no longer reads is let go; it connects again and gets everything anew. */
const MAX_UNREAD_BYTES = 1_000_000;

/** The phones: a page at `/` that shows what arrives as it arrives, and the same as JSON at `/messages` for scripts. */
export function createPhonePage({ inbox }: { inbox: Inbox }): Router {
  const newestFirst = () => inbox.messages.map(toJson).reverse();

  function streamEvents(response: Response): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (event: string, data: unknown) => {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      else response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    send('all', newestFirst());
    const unsubscribe = inbox.subscribe((event) => {
      if (event.type === 'arrived') send('arrived', toJson(event.message));
      else send('all', []);
    });
    const keepAlive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS);
    keepAlive.unref();
    response.on('close', () => {
      clearInterval(keepAlive);
      unsubscribe();
    });
  }

  const router = Router();
  router.use((_request, response, next) => {
    response.set(HEADERS);
    next();
  });
  router.get(
    ['/', '/phone'],
    localizedPage({ template: pathToFileURL(path.join(STATIC_DIR, 'phones.html')), values: () => ({}) }),
  );
  router.use('/pages', express.static(PAGE_ASSETS, { index: false, cacheControl: false }));
  router.use(express.static(STATIC_DIR, { index: false, cacheControl: false }));
  router.get('/events', (_request, response) => streamEvents(response));
  router.get('/messages', (_request, response) => {
    response.json(newestFirst());
  });
  router.delete('/messages', (_request, response) => {
    inbox.clear();
    response.status(204).end();
  });
  router.get('/special-numbers', (_request, response) => {
    response.json(SPECIAL_NUMBERS.map(({ number, summary }) => ({ number, summary })));
  });
  return router;
}

function toJson(message: Message) {
  return { ...message, at: new Date(message.at).toISOString() };
}
