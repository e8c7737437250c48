import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { CHROMIUM } from '../browser.ts';
import { freshNumber, SECOND, startService } from '../fixtures.ts';
import { button, enter, heading, it, openDemo, status, submitNumber, told } from './demo-page-fixtures.ts';

const toggle = (page: Page, name: string) => page.getByRole('switch', { name });
const onPhone = (page: Page) => page.getByRole('article');
const callback = (page: Page, event: string) =>
  page.getByRole('table', { name: 'Callbacks' }).getByRole('row').filter({ hasText: event });

describe.skipIf(!CHROMIUM)('what a visitor watches', () => {
  it('is the text on the phone, the story, the jobs and the callbacks', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    const { code } = await service.sandbox.nextMessage(to);
    await onPhone(page).getByText(code).waitFor();
    await told(page, 'Submitted').waitFor();
    await told(page, 'Text accepted').waitFor();
    await page.getByRole('row', { name: 'sms done 1' }).waitFor();
    await callback(page, 'attempt.sent').getByText('delivered').waitFor();

    await enter(page, code);
    await heading(page, 'Verified!').waitFor();
    await told(page, 'The right code').waitFor();
    await told(page, 'Verified').waitFor();
    await callback(page, 'approved').getByText('delivered').waitFor();
  });

  it('is a phone that rings, and says the code when it is answered', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to, 'Voice');
    const { code } = await service.sandbox.nextMessage(to);
    await onPhone(page).getByText('Incoming call').waitFor();
    expect(await onPhone(page).textContent()).not.toContain(code);

    await button(page, 'Answer').click();
    await page.getByText(`Your Personal Authorization Code is ${[...code].join(' ')}`).waitFor({ state: 'attached' });
    await button(page, 'Hang up').click();
    await onPhone(page).getByText(code).waitFor();

    await enter(page, code);
    await heading(page, 'Verified!').waitFor();
  });

  it('is a voicemail when the call is declined, also after a reload', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to, 'Voice');
    const { code } = await service.sandbox.nextMessage(to);
    await button(page, 'Decline').click();
    await onPhone(page).getByText('Missed call').waitFor();
    expect(await onPhone(page).getByText(code).isVisible()).toBe(false);

    await page.reload();
    await button(page, 'Play').click();
    await onPhone(page).getByText(code).waitFor();
  });

  it('is a voicemail when nobody answers', async ({ service, page }) => {
    await page.clock.install();
    const to = freshNumber();
    await submitNumber(page, to, 'Voice');
    await service.sandbox.nextMessage(to);
    await onPhone(page).getByText('Incoming call').waitFor();
    await page.clock.runFor(21 * SECOND);

    await onPhone(page).getByText('Missed call').waitFor();
  });
});

describe.skipIf(!CHROMIUM)('the buttons that make trouble', () => {
  it('lose the text: the call takes over', async ({ service, page }) => {
    await toggle(page, 'The text never arrives').click();
    await toggle(page, 'The text never arrives').and(page.locator('[aria-checked=true]')).waitFor();
    const to = freshNumber();
    await submitNumber(page, to);
    await told(page, 'Text accepted').waitFor();
    await onPhone(page).getByText('No messages').waitFor();

    await service.advance(20 * SECOND);
    await told(page, 'Call takes over').waitFor();
    await onPhone(page).getByText('Incoming call').waitFor();
    const call = await service.sandbox.nextMessage(to);
    expect(call.channel).toBe('call');
    await enter(page, call.code);
    await heading(page, 'Verified!').waitFor();
  });

  it('take SignalWire down: it is tried again until it is back', async ({ service, page }) => {
    const down = toggle(page, 'SignalWire is down');
    await down.click();
    await page.getByText('4 tries to go').waitFor();
    const to = freshNumber();
    await submitNumber(page, to);

    const { code } = await service.sandbox.nextMessage(to);
    expect(await told(page, 'Not taken; tried again soon').count()).toBe(4);
    await told(page, 'Text accepted').waitFor();
    await down.and(page.locator('[aria-checked=false]')).waitFor();
    await enter(page, code);
    await heading(page, 'Verified!').waitFor();
  });

  it('stay as they were pressed when an older answer comes later', async ({ service, page }) => {
    const { promise: letGo, resolve: pressed } = Promise.withResolvers<void>();
    await page.route('**/api/troubles', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const response = await route.fetch(); // as it was before
      await letGo;
      await route.fulfill({ response });
    });
    await page.goto(`${service.url}/demo/`);
    const down = toggle(page, 'The receiver is down');
    await down.click();
    const on = down.and(page.locator('[aria-checked=true]'));
    await on.waitFor();

    const outdated = page.waitForResponse((response) => response.request().method() === 'GET');
    pressed();
    await (await outdated).finished();
    await page.evaluate(() => fetch('api/troubles').then((answer) => answer.json())); // by then the page has read it, too
    expect(await on.count()).toBe(1);
  });

  it('take the receiver down: its callbacks come later', async ({ browser }) => {
    const service = await startService({
      demo: true,
      env: { CALLBACK_URL: '', CALLBACK_RETRY_SCHEDULE: Array(20).fill('300ms').join() },
    });
    const { page, close } = await openDemo(browser, service.url);
    await toggle(page, 'The receiver is down').click();
    await toggle(page, 'The receiver is down').and(page.locator('[aria-checked=true]')).waitFor();
    await submitNumber(page, freshNumber());
    await told(page, 'Callback not delivered').first().waitFor();
    await callback(page, 'attempt.sent').getByText('under way').waitFor();
    await callback(page, 'attempt.sent').getByText('answered 503').first().waitFor({ state: 'attached' });

    await toggle(page, 'The receiver is down').click();
    await told(page, 'Callback delivered').waitFor();
    await callback(page, 'attempt.sent').getByText('delivered').waitFor();
    await close();
    await service.close();
  });

  it('kill the worker, and tell when it is back', async ({ browser }) => {
    let runs = true;
    const service = await startService({
      demo: true,
      supervisor: {
        workerRuns: () => runs,
        killWorker: () => {
          runs = false;
        },
      },
    });
    const { page, close } = await openDemo(browser, service.url);
    await submitNumber(page, freshNumber());
    await status(page, 'Text sent.').waitFor();
    await button(page, 'Kill the worker').click();
    await told(page, 'You killed the worker').waitFor();
    await page.getByText('Down; it is started again…').waitFor();
    expect(await button(page, 'Kill the worker').getAttribute('aria-disabled')).toBe('true');

    runs = true;
    await told(page, 'The worker is back').waitFor();
    await button(page, 'Kill the worker').and(page.locator('[aria-disabled=false]')).waitFor();
    await close();
    await service.close();
  });

  it('say so when they do not work', async ({ service, page }) => {
    await service.sandbox.goDown();
    await toggle(page, 'The text never arrives').click();

    await page.getByRole('alert').filter({ hasText: 'That did not work.' }).waitFor();
  });
});
