import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchBrowser } from '../browser.ts';
import { it as base, SECOND, type Service, startService } from '../fixtures.ts';

interface Fixtures {
  browser: Browser;
  service: Service;
  /** The demo, freshly opened. Whatever a test does, the page asks nobody but us and has nothing to complain about. */
  page: Page;
}

/** A service as `npm start` runs it with the sandbox, and its demo in a browser. */
export const it = base.extend<Fixtures>({
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
    async ({}, use) => {
      const browser = await launchBrowser();
      await use(browser);
      await browser.close();
    },
    { scope: 'file' },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  service: async ({}, use) => {
    const service = await startService({ demo: true, env: { CALLBACK_URL: '' } });
    await use(service);
    await service.close();
  },
  page: async ({ service, browser }, use) => {
    const { page, close } = await openDemo(browser, service.url);
    await use(page);
    await close();
  },
});

/** Opens the demo in a context of its own. `close` fails the test when the page asked elsewhere or complained. */
export async function openDemo(browser: Browser, url: string) {
  const context = await browser.newContext({ locale: 'en-US' });
  context.setDefaultTimeout(10 * SECOND);
  const page = await context.newPage();
  const elsewhere: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/demo`) && !request.url().startsWith('data:')) elsewhere.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // a refusal or a lost connection that the page copes with is noted by the browser all the same
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  await page.goto(`${url}/demo`);
  const close = async () => {
    await context.close();
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  };
  return { page, close };
}

export const number = (page: Page) => page.getByLabel('Phone number');
export const code = (page: Page) => page.getByRole('textbox', { name: 'Code' });
export const button = (page: Page, name: string) => page.getByRole('button', { name });
export const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
export const status = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text });
export const alert = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text });
/** An entry of the timeline, by its headline. */
export const told = (page: Page, headline: string) => page.getByRole('log').getByText(headline, { exact: true });

export async function submitNumber(page: Page, to: string, channel: 'Text' | 'Voice' = 'Text') {
  await number(page).fill(to);
  await page.getByRole('group', { name: 'How should the code reach you?' }).getByLabel(channel).check();
  await button(page, 'Send the code').click();
}

export async function enter(page: Page, entered: string) {
  await code(page).fill(entered);
  await button(page, 'Verify').click();
}
