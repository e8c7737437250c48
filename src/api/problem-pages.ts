import { fileURLToPath } from 'node:url';
import express, { type Request, type Response, type Router } from 'express';
import { contentSecurityPolicy } from '../shared/content-security-policy.ts';
import { escapeHtml, ICON } from '../shared/html.ts';
import { PROBLEM_TEXTS, problemExample } from './problem-texts.ts';
import { PROBLEMS, type ProblemCode, ProblemError } from './problems.ts';
import { setHeaders } from './set-headers.ts';

const STYLE = fileURLToPath(new URL('./problem-pages/problem-pages.css', import.meta.url));
const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const CONTENT_SECURITY_POLICY = contentSecurityPolicy({ 'style-src': "'self'", 'img-src': 'data:' });

/**
 * Builds `/problems` and `/problems/{code}`, where the `type` of a problem document leads: what it means and what to do,
 * as a page for people and, for `Accept: application/json`, as data.
 */
export function createProblemPages(): Router {
  const router = express.Router();
  router.use(setHeaders({ 'content-security-policy': CONTENT_SECURITY_POLICY, 'cache-control': 'no-cache' }));
  router.get('/', (request, response) => {
    if (wantsJson(request, response)) response.json({ object: 'list', data: CODES.map(describe), next_cursor: null });
    else response.type('html').send(LIST_PAGE);
  });
  router.get('/problem-pages.css', (_request, response) => {
    response.sendFile(STYLE, { cacheControl: false });
  });
  router.get('/:code', (request, response) => {
    const { code } = request.params;
    if (!isProblemCode(code)) throw new ProblemError('not-found', 'there is no such problem; /problems lists them all');
    if (wantsJson(request, response)) response.json(describe(code));
    else response.type('html').send(problemPage(code));
  });
  return router;
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

function wantsJson(request: Request, response: Response): boolean {
  response.vary('accept');
  return request.accepts(['html', 'json']) === 'json';
}

function describe(code: ProblemCode) {
  const { status, title } = PROBLEMS[code];
  const { meaning, remedy } = PROBLEM_TEXTS[code];
  return { code, status, title, meaning, remedy };
}

function problemPage(code: ProblemCode): string {
  const { status, title, meaning, remedy } = describe(code);
  return page(
    title,
    `      <p class="kind"><span class="status">${status}</span> <code>${code}</code></p>
      <h1>${escapeHtml(title)}</h1>
      <h2>What it means</h2>
      <p>${prose(meaning)}</p>
      <h2>What to do</h2>
      <p>${prose(remedy)}</p>
      <h2 id="answer">An answer with it</h2>
      <pre tabindex="0" role="region" aria-labelledby="answer"><code>${escapeHtml(JSON.stringify(problemExample(code), null, 2))}</code></pre>`,
  );
}

const LIST_PAGE = page(
  'Problems',
  `      <h1>Problems</h1>
      <p>An answer that is no success is a problem document (RFC 9457). Branch on its <code>code</code>, never on its words; treat a code that you do not know by its status. Codes may be added.</p>
      <ul class="problems">
${CODES.map((code) => `        <li><span class="status">${PROBLEMS[code].status}</span> <a href="/problems/${code}"><code>${code}</code></a> <span>${escapeHtml(PROBLEMS[code].title)}</span></li>`).join('\n')}
      </ul>`,
);

/** @param content - HTML */
function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapeHtml(title)} · Ringback API</title>
    <link rel="icon" href="${ICON}">
    <link rel="stylesheet" href="/problems/problem-pages.css">
  </head>
  <body>
    <header>
      <nav aria-label="API"><strong>Ringback API</strong> <a href="/docs">Reference</a> <a href="/problems">All problems</a></nav>
    </header>
    <main>
${content}
    </main>
  </body>
</html>
`;
}

/** Text as HTML, with what stands between backticks as code. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}
