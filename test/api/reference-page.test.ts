import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, launchBrowser } from '../browser.ts';
import { API_KEY, it as base, SECOND } from '../fixtures.ts';

interface Operation {
  tags: string[];
  operationId: string;
  summary: string;
}

const openapi = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Record<string, Operation>>;
};
const OPERATIONS = Object.values({ ...openapi.paths, ...openapi.webhooks }).flatMap((methods) =>
  Object.values(methods),
);

let browser: Browser;

interface Fixtures {
  /** The reference, freshly opened. Whatever a test does, the page asks nobody but us and has nothing to complain about. */
  page: Page;
}

const it = base.extend<Fixtures>({
  page: async ({ service }, use) => {
    const context = await browser.newContext();
    context.setDefaultTimeout(10 * SECOND);
    const page = await context.newPage();
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${service.url}/`) && !request.url().startsWith('data:'))
        elsewhere.push(request.url());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => complaints.push(message.text())); // a violation of the policy is one too
    await page.goto(`${service.url}/docs`);
    await use(page);
    await context.close();
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  },
});

/** Not by fetch, which would ask for a fresh copy whenever the request is conditional. */
async function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const [answer] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

describe('/docs', () => {
  it('allows only what comes from this host, and nothing inline', async ({ service }) => {
    const { status, headers } = await fetch(`${service.url}/docs`);
    const policy = headers.get('content-security-policy') ?? '';

    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|http/);
  });

  it('names files that are there, and Swagger UI by its version, to be kept', async ({ service }) => {
    const html = await (await fetch(`${service.url}/docs`)).text();
    const files = [...html.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, file]) => file ?? '');

    expect(files.map((file) => file.split('/').at(-1))).toEqual([
      'swagger-ui.css',
      'reference.css',
      'swagger-ui-bundle.js',
      'reference.js',
    ]);
    for (const file of files) {
      const { status, headers } = await fetch(service.url + file);
      const forEver = file.includes('/swagger-ui');
      expect([file, status]).toEqual([file, 200]);
      expect(headers.get('cache-control')).toBe(forEver ? 'public, max-age=31536000, immutable' : 'no-cache');
      expect(headers.get('content-type')).toMatch(file.endsWith('.css') ? 'text/css' : 'text/javascript');
      const since = { 'if-modified-since': headers.get('last-modified') ?? '' };
      expect([file, await statusOf(service.url + file, since)]).toEqual([file, 304]);
    }
  });

  it.for(['package.json', 'index.html', 'swagger-ui-bundle.js.map', 'reference.html', '..%2fapp.ts'])(
    'serves nothing else, as %s',
    async (file, { service }) => {
      const html = await (await fetch(`${service.url}/docs`)).text();
      const [, folder] = /(\/docs\/[\d.]+)\//.exec(html) ?? [];

      expect(folder).toBeDefined();
      for (const path of [`${folder}/${file}`, `/docs/${file}`]) {
        expect([path, (await fetch(service.url + path)).status]).toEqual([path, 404]);
      }
    },
  );
});

describe.skipIf(!CHROMIUM)(CHROMIUM ? 'the reference' : 'the reference (skipped: needs a browser)', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('shows every operation of openapi.json', async ({ page }) => {
    await page.getByRole('heading', { name: /Ringback/ }).waitFor();

    expect(await page.title()).toBe('Ringback API');
    expect(OPERATIONS.length).toBeGreaterThan(5);
    expect(await page.locator('.opblock').count()).toBe(OPERATIONS.length);
    for (const { summary } of OPERATIONS) {
      expect([summary, await page.getByText(summary, { exact: true }).count()]).toEqual([summary, 1]);
    }
  });

  it('opens the operations of a tag without a complaint, with an example of each problem', async ({ page }) => {
    const ofTag = OPERATIONS.filter(({ tags }) => tags.includes('verifications'));
    await page.locator('.opblock').first().waitFor();
    await page.evaluate(
      "document.querySelectorAll('[id^=operations-verifications-] .opblock-summary-control').forEach((button) => button.click())",
    );

    // the page makes the examples of all of them: on a loaded machine that takes its time
    await expect.poll(() => page.locator('.opblock.is-open').count(), { timeout: 25_000 }).toBe(ofTag.length);
    const submission = page.locator('#operations-verifications-createVerification');
    await submission.locator('.response[data-code="409"] select').nth(1).selectOption('verification-active');
    await submission.getByText('"/problems/verification-active"').waitFor();
  });

  it('makes calls with the key that was entered', async ({ service, page }) => {
    await page.getByRole('button', { name: 'Authorize' }).click();
    await page.getByRole('textbox').fill(API_KEY);
    await page.getByRole('button', { name: 'Apply credentials' }).click();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    const submission = page.locator('#operations-verifications-createVerification');
    await submission.locator('.opblock-summary-control').click();
    await submission.getByRole('button', { name: 'Try it out' }).click();
    await submission.getByRole('button', { name: 'Execute' }).click();

    await submission.locator('.live-responses-table').getByText('202', { exact: true }).first().waitFor();
    expect((await service.sandbox.nextMessage('+14045550123')).channel).toBe('sms');
  });

  it.for(['light', 'dark'] as const)('follows the %s scheme', async (colorScheme, { page }) => {
    await page.emulateMedia({ colorScheme });

    await expect
      .poll(() => page.evaluate("document.documentElement.classList.contains('dark-mode')"))
      .toBe(colorScheme === 'dark');
  });
});
