import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { PROBLEM_TEXTS, problemExample } from '../../src/api/problem-texts.ts';
import { PROBLEMS, type ProblemCode } from '../../src/api/problems.ts';
import { CHROMIUM, launchBrowser } from '../browser.ts';
import { it } from '../fixtures.ts';
import { createOpenApiValidator } from '../openapi-validator.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const JSON_FORM = { accept: 'application/json' };

describe('/problems/{code}', () => {
  it('is a page for every code', async ({ service }) => {
    for (const code of CODES) {
      const page = await fetch(`${service.url}/problems/${code}`, { headers: { accept: 'text/html' } });
      const html = await page.text();

      expect([code, page.status, page.headers.get('content-type')]).toEqual([code, 200, 'text/html; charset=utf-8']);
      expect(html).toContain(`<h1>${PROBLEMS[code].title}</h1>`);
      expect(html).toContain(`<code>${code}</code>`);
      expect(html).not.toMatch(/`|undefined|\[object|https?:\/\/(?!www\.w3\.org)/);
    }
  });

  it('is data for every code when asked', async ({ service }) => {
    for (const code of CODES) {
      const answer = await service.call('GET', `/problems/${code}`, undefined, JSON_FORM);
      const { meaning, remedy } = PROBLEM_TEXTS[code];

      expect(answer.status).toBe(200);
      expect(answer.headers.get('vary')?.toLowerCase()).toContain('accept');
      expect(answer.body).toEqual({ code, ...PROBLEMS[code], meaning, remedy });
    }
  });

  it.for(['nonsense', 'constructor', '__proto__', 'NOT-FOUND', '%3Cscript%3E'])(
    'is 404 for %s',
    async (code, { service }) => {
      const answer = await service.call('GET', `/problems/${code}`);

      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ code: 'not-found' });
    },
  );

  it('is where the type of a real problem leads', async ({ service }) => {
    const refused = await service.call('POST', '/v1/verifications', { to: 'nobody' });
    const at = new URL(String(refused.body['type']), `${service.url}/v1/verifications`);

    expect((await service.call('GET', at.pathname, undefined, JSON_FORM)).body).toMatchObject({
      code: refused.body['code'],
      title: refused.body['title'],
      status: refused.status,
    });
  });
});

describe('/problems', () => {
  it('lists every code', async ({ service }) => {
    const html = await (await fetch(`${service.url}/problems`)).text();
    const { body } = await service.call<{ data: { code: string }[] }>('GET', '/problems', undefined, JSON_FORM);

    expect([...html.matchAll(/href="\/problems\/([a-z-]+)"/g)].map(([, code]) => code)).toEqual(CODES);
    expect(body).toMatchObject({ object: 'list', next_cursor: null });
    expect(body.data.map(({ code }) => code)).toEqual(CODES);
  });

  it('allows its own style sheet and nothing else', async ({ service }) => {
    const { headers } = await fetch(`${service.url}/problems`);
    const style = await fetch(`${service.url}/problems/problem-pages.css`);

    expect(headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'; img-src data:");
    expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
  });
});

describe('openapi.json', () => {
  const document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));

  it('lists the closed set of codes', () => {
    expect(document.components.schemas.ProblemCode.enum).toEqual(CODES);
  });

  it('has an example of every problem it promises, true to its own schema', () => {
    const { checkResponse } = createOpenApiValidator(document);
    let promised = 0;
    for (const [path, methods] of Object.entries<Record<string, { responses: Record<string, Documented> }>>(
      document.paths,
    )) {
      for (const [method, { responses }] of Object.entries(methods)) {
        for (const [status, response] of Object.entries(responses)) {
          const contentType = 'application/problem+json';
          const examples = response.content?.[contentType]?.examples ?? {};
          for (const code of Object.keys(examples) as ProblemCode[]) {
            promised += 1;
            const body = problemExample(code);
            expect(document.components.examples[code].value).toEqual(body);
            expect(body).toMatchObject({ status: Number(status), code, type: `/problems/${code}` });
            expect(checkResponse({ path, method, status: Number(status), contentType, body })).toEqual([]);
          }
        }
      }
    }
    expect(promised).toBeGreaterThan(CODES.length);
  });
});

interface Documented {
  content?: Record<string, { examples?: Record<string, unknown> }>;
}

describe.skipIf(!CHROMIUM)(CHROMIUM ? 'the problem pages' : 'the problem pages (skipped: needs a browser)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('are styled, lead to one another and ask nobody else', async ({ service }) => {
    const page: Page = await browser.newPage();
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${service.url}/problems`) && !request.url().startsWith('data:'))
        elsewhere.push(request.url());
    });
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(`${service.url}/problems`);
    await page.getByRole('link', { name: 'cooldown' }).click();
    await page.getByRole('heading', { level: 1, name: PROBLEMS.cooldown.title }).waitFor();

    expect(await page.evaluate('getComputedStyle(document.body).fontFamily')).toContain('system-ui');
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
    await page.getByRole('link', { name: 'All problems' }).click();
    await page.getByRole('heading', { level: 1, name: 'Problems' }).waitFor();
    await page.close();
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
