import { brotliCompressSync } from 'node:zlib';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { CHROMIUM } from '../browser.ts';
import { freshNumber, SECOND } from '../fixtures.ts';
import { button, enter, heading, it, status, submitNumber } from './demo-page-fixtures.ts';

const FIRST_LOAD_BYTES = 200_000;

/** What axe-core finds on the page as it stands, moving parts aside. */
async function faults(page: Page): Promise<string[]> {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const { violations } = (await page.evaluate(`${axe.source}; axe.run({ resultTypes: ['violations'] })`)) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

describe.skipIf(!CHROMIUM)('everybody can use the demo', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [name, width] of [
      ['wide', 1280],
      ['narrow', 320],
    ] as const) {
      it(`axe-core finds nothing at any step, ${colorScheme} and ${name}`, async ({ service, page }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await heading(page, 'Verify your number').waitFor();
        expect(await faults(page)).toEqual([]);

        await page.getByRole('switch', { name: 'The text never arrives' }).click();
        const to = freshNumber();
        await submitNumber(page, '1');
        await page.getByRole('alert').filter({ hasText: /./ }).waitFor();
        expect(await faults(page)).toEqual([]);

        await submitNumber(page, to);
        await status(page, 'Text sent.').waitFor();
        await service.advance(20 * SECOND);
        await page.getByText('Incoming call').waitFor();
        expect(await faults(page)).toEqual([]);

        await button(page, 'Answer').click();
        await page.getByText('On the line').waitFor();
        expect(await faults(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);

        const { code } = await service.sandbox.nextMessage(to);
        await enter(page, code);
        await heading(page, 'Verified!').waitFor();
        expect(await faults(page)).toEqual([]);
      });
    }
  }

  it('axe-core finds nothing on the phones', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    await status(page, 'Text sent.').waitFor();
    const phones = await page.context().newPage();
    await phones.goto(service.sandbox.url);
    await phones.getByRole('article').getByText('Text', { exact: true }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await phones.emulateMedia({ colorScheme });
      expect(await faults(phones)).toEqual([]);
    }
  });

  it('in German, when it is chosen', async ({ page }) => {
    await page.getByRole('link', { name: 'Deutsch' }).click();
    await heading(page, 'Nummer bestätigen').waitFor();
    await page.getByRole('button', { name: 'Code senden' }).click();

    await page.getByRole('status').filter({ hasText: 'SMS gesendet.' }).waitFor();
    await page.getByRole('log').getByText('SMS angenommen').waitFor();
    expect(page.url()).toMatch(/\/demo\/$/);
    expect(await faults(page)).toEqual([]);
  });

  it('without waiting: the first load is small', async ({ service, page, browser }) => {
    const fresh = await browser.newPage();
    const files: Promise<Buffer>[] = [];
    fresh.on('response', (response) => {
      if (!response.url().startsWith('data:')) files.push(response.body());
    });
    await fresh.goto(`${service.url}/demo/`, { waitUntil: 'networkidle' });
    const bytes = (await Promise.all(files)).reduce((sum, body) => sum + brotliCompressSync(body).length, 0);
    await fresh.close();

    expect(await page.title()).toContain('Ringback');
    expect(files.length).toBeGreaterThan(5);
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });
});
