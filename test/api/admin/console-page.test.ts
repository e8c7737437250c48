import { brotliCompressSync } from 'node:zlib';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { describe, expect, onTestFinished } from 'vitest';
import { CHROMIUM, launchBrowser } from '../../browser.ts';
import { it as base, freshNumber } from '../../fixtures.ts';
import { PASSWORD_HASH, serviceWithAdmin } from './admin-client.ts';
import { openConsole } from './console-fixtures.ts';

const FIRST_LOAD_BYTES = 200_000;

const it = base.extend<{ browser: Browser }>({
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies of a fixture from this pattern
    async ({}, use) => {
      const browser = await launchBrowser();
      await use(browser);
      await browser.close();
    },
    { scope: 'file' },
  ],
});

/** A service with one approved verification, and the console signed in. */
async function consoleWithTraffic(browser: Browser, user = 'operator') {
  const service = await serviceWithAdmin({ ADMIN_USERS: `viewer:viewer:${PASSWORD_HASH}` }, { workers: 1 });
  const to = freshNumber();
  const { id } = await service.submit({ to, reference: 'login-8812' });
  await service.receiver.event('verification.attempt.sent', id); // stored, so that its code can be checked
  const { code } = await service.sandbox.nextMessage(to);
  await service.check(id, code);
  await service.receiver.event('verification.approved', id);
  const { page, close } = await openConsole(browser, service, '/admin', user);
  onTestFinished(close); // before the service goes
  return { service, page, id, to };
}

const tile = (page: Page, name: string) => page.locator('.tiles > div').filter({ hasText: name });
const row = (page: Page, table: string, name: string) =>
  page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: name });

/** What axe-core finds on the page as it stands. */
async function faults(page: Page): Promise<string[]> {
  const { violations } = (await page.evaluate(`${axe.source}; axe.run({ resultTypes: ['violations'] })`)) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

describe.skipIf(!CHROMIUM)("the console's pages", () => {
  it('show the figures, and follow them without a reload', async ({ browser }) => {
    const { service, page } = await consoleWithTraffic(browser);
    await tile(page, 'Verified').getByText('1 of 1 that ended').waitFor();
    await tile(page, 'Verifications').getByText('1', { exact: true }).waitFor();
    await row(page, 'By channel', 'Text').getByText('100% (1/1)').waitFor();
    await row(page, 'By country', 'United States').getByText('100% (1/1)').waitFor();
    await row(page, 'What SignalWire answered', 'accepted').waitFor();
    await row(page, 'Rate and circuit', 'Text').getByText('closed').waitFor();
    await row(page, 'Callbacks', 'http://127.0.0.1').waitFor();
    await row(page, 'Audit log', 'admin.signed-in').waitFor();

    await service.submit({ to: '+14045550101' });
    await tile(page, 'Calls took over').getByText('50% of all').waitFor();
    await row(page, 'Why calls took over', 'The text could not be sent').waitFor();
    await page.getByRole('button', { name: '7 days' }).click();
    await page.getByText('As a table').click();
    await page.getByRole('table', { name: 'Hour by hour' }).getByRole('row').nth(1).waitFor();
    expect(await page.getByRole('button', { name: '7 days' }).getAttribute('aria-pressed')).toBe('true');
  });

  it('lead from a number to its story, and deliver a callback again', async ({ browser }) => {
    const { service, page, id, to } = await consoleWithTraffic(browser);
    await page.getByRole('textbox', { name: 'Find a verification' }).fill(to);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('table', { name: 'Found' }).getByRole('link').click();
    await page.waitForURL(`${service.url}/admin/verifications/${id}`);
    await page.getByText('Text accepted', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Deliver again: verification.approved' }).click();
    await page.getByText('It is delivered again.').waitFor();
    await row(page, 'Its callbacks', 'verification.approved').getByText('answered 204 (2)').waitFor();

    expect(await page.content()).not.toContain(to.slice(1));
    expect(service.receiver.received.filter(({ body }) => body.type === 'verification.approved')).toHaveLength(2);
  });

  it('block a prefix and free it', async ({ browser }) => {
    const { page } = await consoleWithTraffic(browser);
    await page.getByText('No prefix is blocked.').waitFor();
    await page.getByRole('textbox', { name: 'Prefix' }).fill('+1212777');
    await page.getByRole('textbox', { name: 'Why', exact: true }).fill('pumping');
    await page.getByRole('button', { name: 'Block', exact: true }).click();
    await row(page, 'Blocked prefixes', '+1212777').waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Free: +1212777' }).click();
    await page.getByText('No prefix is blocked.').waitFor();
  });

  it('offer a viewer nothing to do', async ({ browser }) => {
    const { service, page, id } = await consoleWithTraffic(browser, 'viewer');
    await page.getByText('you may look, not act').waitFor();
    expect(await page.getByRole('button', { name: 'Block' }).count()).toBe(0);
    await page.goto(`${service.url}/admin/verifications/${id}`);
    await page.getByRole('table', { name: 'Its callbacks' }).waitFor();

    expect(await page.getByRole('button').count()).toBe(0);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [name, width] of [
      ['wide', 1280],
      ['narrow', 320],
    ] as const) {
      it(`give axe-core nothing to find, ${colorScheme} and ${name}`, async ({ browser }) => {
        const { service, page, id } = await consoleWithTraffic(browser);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 800 });
        await page.getByRole('textbox', { name: 'Find a verification' }).fill('login-8812');
        await page.getByRole('button', { name: 'Find' }).click();
        await page.getByRole('table', { name: 'Found' }).waitFor();
        await row(page, 'Callbacks', 'http://127.0.0.1').waitFor();
        await page.getByText('As a table').click();
        expect(await faults(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);

        await page.goto(`${service.url}/admin/verifications/${id}`);
        await page.getByText('Text accepted', { exact: true }).waitFor();
        expect(await faults(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      });
    }
  }

  it('are there in German, too', async ({ browser }) => {
    const { page } = await consoleWithTraffic(browser);
    await page.getByRole('link', { name: 'Deutsch' }).click();
    await page.getByRole('heading', { name: 'Konsole' }).waitFor();
    await row(page, 'Nach Kanal', 'SMS').getByText('(1/1)').waitFor();

    expect(await faults(page)).toEqual([]);
  });

  it('are small to load', async ({ browser }) => {
    const { service, page } = await consoleWithTraffic(browser);
    const files: Promise<Buffer>[] = [];
    const fresh = await page.context().newPage();
    fresh.on('response', (response) => {
      if (!response.url().startsWith('data:')) files.push(response.body());
    });
    await fresh.goto(`${service.url}/admin`, { waitUntil: 'networkidle' });
    const bytes = (await Promise.all(files)).reduce((sum, body) => sum + brotliCompressSync(body).length, 0);

    expect(files.length).toBeGreaterThan(10);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });
});
