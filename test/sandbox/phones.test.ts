import type { Browser, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { CHROMIUM, launchBrowser } from '../browser.ts';
import { it as base, TO } from './fixtures.ts';

const OTHER = '+14045550199';

const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
  .extend('browser', { scope: 'file' }, async ({}, { onCleanup }): Promise<Browser> => {
    const browser = await launchBrowser();
    onCleanup(() => browser.close());
    return browser;
  })
  .extend('clock', () => ({ now: Date.now, advance() {} }))
  .extend('page', async ({ browser, sandbox }, { onCleanup }): Promise<Page> => {
    const context = await browser.newContext({ locale: 'en-US' });
    onCleanup(() => context.close());
    const page = await context.newPage();
    await page.goto(sandbox.url);
    await page.getByText('Connected:').waitFor();
    return page;
  });

const phone = (page: Page, number: string) => page.getByRole('article').filter({ hasText: number });

describe.skipIf(!CHROMIUM)('the phones', () => {
  it('stand side by side, one for each number', async ({ client, sandbox, page }) => {
    await page.getByText('Nothing has arrived yet.').waitFor();
    await client.send('sms', { to: TO });
    await client.send('call', { to: OTHER });
    const text = await sandbox.nextMessage(TO);

    await phone(page, '+1 404 555 0123').getByText(text.code).waitFor();
    await phone(page, '+1 404 555 0199').getByText('Incoming call').waitFor();
    expect(await page.getByRole('article').count()).toBe(2);

    await page.getByRole('button', { name: 'Answer' }).click();
    const call = await sandbox.nextMessage(OTHER);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await phone(page, '+1 404 555 0199').getByText(call.code).waitFor();
  });

  it('show one alone, whose number reaches no server, and all again', async ({ client, page }) => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await client.send('sms', { to: TO });
    await client.send('sms', { to: OTHER });
    await phone(page, '+1 404 555 0199').waitFor();
    await page.getByLabel('Phone number').fill(TO);
    await page.getByRole('button', { name: 'Show this phone' }).click();

    await phone(page, '+1 404 555 0199').waitFor({ state: 'hidden' });
    expect(page.url()).toContain(`#${TO}`);
    await page.getByRole('button', { name: 'Show all' }).click();
    await phone(page, '+1 404 555 0199').waitFor();
    expect(asked.join(' ')).not.toContain('4045550');
  });

  it('are there before anything has arrived, when somebody waits for it', async ({ client, sandbox, page }) => {
    await page.goto(`${sandbox.url}/#${TO}`);
    await phone(page, '+1 404 555 0123').getByText('No messages').waitFor();
    await client.send('sms', { to: TO });

    await phone(page, '+1 404 555 0123')
      .getByText((await sandbox.nextMessage(TO)).code)
      .waitFor();
  });

  it('are taken away when the inbox is emptied', async ({ client, page }) => {
    await client.send('call', { to: TO });
    await page.getByText('Incoming call').waitFor();
    await page.getByRole('button', { name: 'Empty the inbox' }).click();

    await page.getByText('Nothing has arrived yet.').waitFor();
    expect(await page.getByRole('article').count()).toBe(0);
  });

  it('come back with what they had after the sandbox was away', async ({ client, sandbox, page }) => {
    await client.send('sms', { to: TO });
    await phone(page, '+1 404 555 0123').waitFor();
    await sandbox.goDown();
    await page.getByText('The sandbox is not answering; trying again…').waitFor();
    await sandbox.comeBack();
    await client.send('sms', { to: OTHER });

    await phone(page, '+1 404 555 0199').waitFor();
    expect(await phone(page, '+1 404 555 0123').getByText('Text', { exact: true }).count()).toBe(1);
  });
});
