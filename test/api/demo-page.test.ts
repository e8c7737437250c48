import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { CHROMIUM } from '../browser.ts';
import { freshNumber, MINUTE, SECOND, startService } from '../fixtures.ts';
import {
  alert,
  button,
  code,
  enter,
  heading,
  it,
  number,
  openDemo,
  status,
  submitNumber,
} from './demo-page-fixtures.ts';

const TEXT_REFUSED = '+14045550101';
const NOTHING_ARRIVES = '+14045550102';

const wrongFor = (right: string) => (right === '000000' ? '111111' : '000000');
const focused = (page: Page) => page.locator(':focus');

/** The page's questions about its verification, as they are asked from now on. */
const collectPolls = (page: Page) => {
  const seen: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'GET' && request.url().includes('/demo/api/verifications/')) seen.push(request.url());
  });
  return seen;
};

describe.skipIf(!CHROMIUM)(CHROMIUM ? 'the demo page' : 'the demo page (skipped: needs a browser)', () => {
  it('verifies a number by text', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    await status(page, 'Text sent. If no code is entered, a call follows at').waitFor();
    await page.getByText(`For ${to}.`).waitFor();
    await page
      .getByRole('main')
      .getByText(/^in 1\d s$/)
      .waitFor();

    const message = await service.sandbox.nextMessage(to);
    expect(message.channel).toBe('sms');
    await enter(page, message.code);

    await heading(page, 'Verified!').waitFor();
    await page.getByText(`${to} is confirmed.`).waitFor();
    expect(await focused(page).textContent()).toBe('Verified!');
  });

  it('verifies a number by call, when voice is chosen', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to, 'Voice');
    await status(page, 'We are calling you.').waitFor();
    expect(await button(page, 'Call me instead').isVisible()).toBe(false);

    const message = await service.sandbox.nextMessage(to);
    expect(message.channel).toBe('call');
    await enter(page, message.code);

    await heading(page, 'Verified!').waitFor();
  });

  it('tells that a code is wrong and how many checks are left', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    await page.getByText('5 checks left').waitFor();
    const message = await service.sandbox.nextMessage(to);
    await status(page, 'Text sent.').waitFor();

    await enter(page, wrongFor(message.code));
    await alert(page, 'That code is not right. 4 checks left.').waitFor();
    expect(await focused(page).getAttribute('id')).toBe('code');
    expect(await code(page).getAttribute('aria-invalid')).toBe('true');

    await enter(page, message.code);
    await heading(page, 'Verified!').waitFor();
  });

  it('tells when the checks are used up', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    const message = await service.sandbox.nextMessage(to);
    await status(page, 'Text sent.').waitFor();
    for (const left of ['4 checks left', '3 checks left', '2 checks left', '1 check left']) {
      await enter(page, wrongFor(message.code));
      await alert(page, left).waitFor();
    }
    await enter(page, wrongFor(message.code));

    await heading(page, 'Too many wrong codes').waitFor();
    await button(page, 'Start again').click();
    await heading(page, 'Verify your number').waitFor();
    expect(await focused(page).getAttribute('id')).toBe('number');
  });

  it('calls instead when it is asked to', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    await status(page, 'Text sent.').waitFor();
    await service.sandbox.nextMessage(to);
    await button(page, 'Call me instead').click();

    const call = await service.sandbox.nextMessage(to);
    expect(call.channel).toBe('call');
    await status(page, 'We are calling you.').waitFor();
    await button(page, 'Call me again').waitFor();
    await enter(page, call.code);

    await heading(page, 'Verified!').waitFor();
  });

  it('calls by itself when the text is refused', async ({ service, page }) => {
    await submitNumber(page, TEXT_REFUSED);
    await status(page, 'The text could not be sent. We are calling you.').waitFor();

    const call = await service.sandbox.nextMessage(TEXT_REFUSED);
    expect(call.channel).toBe('call');
    await enter(page, call.code);

    await heading(page, 'Verified!').waitFor();
  });

  it('calls by itself when no code is entered in time, and the text’s code still works', async ({ service, page }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    const text = await service.sandbox.nextMessage(to);
    await status(page, 'Text sent.').waitFor();
    await service.advance(20 * SECOND);

    await status(page, 'No code was entered yet; the one you have still works. We are calling you.').waitFor();
    await enter(page, text.code);

    await heading(page, 'Verified!').waitFor();
  });

  it('tells that nothing could be sent', async ({ page }) => {
    await submitNumber(page, NOTHING_ARRIVES);

    await heading(page, 'The code could not be sent').waitFor();
  });

  it('tells that no codes go to a country', async ({ page }) => {
    await submitNumber(page, '+4930123456');

    await heading(page, 'This number cannot be used').waitFor();
    await page.getByText('No codes are sent to this country.').waitFor();
  });

  it('tells that the code has expired', async ({ service, page }) => {
    await submitNumber(page, freshNumber());
    await status(page, 'Text sent.').waitFor();
    await service.advance(10 * MINUTE);

    await heading(page, 'The code has expired').waitFor();
  });

  it('counts down until another code can be sent', async ({ browser }) => {
    const service = await startService({ demo: true, env: { RESEND_COOLDOWN: '3' } });
    const { page, close } = await openDemo(browser, service.url);
    const to = freshNumber();
    await submitNumber(page, to, 'Voice');
    await service.sandbox.nextMessage(to);
    await status(page, 'We are calling you.').waitFor();

    const again = button(page, 'Call me again').and(page.locator(':visible'));
    await again.getByText(/^in \d s$/).waitFor();
    expect(await again.getAttribute('aria-disabled')).toBe('true');
    await again.and(page.locator('[aria-disabled=false]')).click();
    const second = await service.sandbox.nextMessage(to);
    await status(page, 'We are calling you.').waitFor();
    await enter(page, second.code);

    await heading(page, 'Verified!').waitFor();
    await close();
    await service.close();
  });

  it('takes a number with the usual punctuation, and tells what else is wrong with one', async ({ service, page }) => {
    await submitNumber(page, '');
    await alert(page, 'Enter your phone number.').waitFor();
    expect(await focused(page).getAttribute('id')).toBe('number');

    await submitNumber(page, '404 555');
    await alert(page, 'No number with the country code +1 has this many digits.').waitFor();
    expect(await number(page).getAttribute('aria-invalid')).toBe('true');

    await submitNumber(page, '(404) 555-0123');
    expect(await service.sandbox.nextMessage()).toMatchObject({ to: '+14045550123' });
    await button(page, 'Change number').click();

    await page.getByLabel('Country').selectOption('United Kingdom (+44)');
    await submitNumber(page, '07700 900123');
    expect(await service.sandbox.nextMessage()).toMatchObject({ to: '+447700900123' });
  });

  it('works with the keyboard alone', async ({ service, page }) => {
    const to = freshNumber();
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Skip to the form' }).and(focused(page)).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.getByLabel('Country').and(focused(page)).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type(to);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const call = await service.sandbox.nextMessage(to);
    expect(call.channel).toBe('call');

    await status(page, 'We are calling you.').waitFor();
    await page.keyboard.type(call.code);
    await page.keyboard.press('Enter');
    await heading(page, 'Verified!').waitFor();

    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await heading(page, 'Verify your number').waitFor();
  });

  it('asks the device for the number and for the code of the text', async ({ page }) => {
    expect(await number(page).getAttribute('autocomplete')).toBe('tel');
    await submitNumber(page, freshNumber());
    await code(page).waitFor();

    expect(await code(page).getAttribute('autocomplete')).toBe('one-time-code');
    expect(await code(page).getAttribute('inputmode')).toBe('numeric');
    expect(await focused(page).getAttribute('id')).toBe('code');
  });

  it('leads to the phone of the sandbox', async ({ service, page }) => {
    await button(page, '+1 404 555 0101').click();
    expect(await number(page).inputValue()).toBe(TEXT_REFUSED);
    await button(page, 'Send the code').click();

    const link = page.getByRole('link', { name: 'Open the phones on their own page (opens in a new tab)' });
    await page.getByRole('heading', { level: 3, name: '+1 404 555 0101' }).waitFor();
    expect(await link.getAttribute('href')).toBe(`${service.sandbox.url}/#${TEXT_REFUSED}`);
    expect(await link.getAttribute('target')).toBe('_blank');
  });

  it('goes on after a reload, with neither the number nor the verification in its address', async ({
    service,
    page,
  }) => {
    const to = freshNumber();
    await submitNumber(page, to);
    const message = await service.sandbox.nextMessage(to);
    await status(page, 'Text sent.').waitFor();
    await page.reload();

    await status(page, 'Text sent.').waitFor();
    expect(page.url()).toBe(`${service.url}/demo/`);
    await enter(page, message.code);
    await heading(page, 'Verified!').waitFor();
  });

  it('recovers when the connection comes back', async ({ page }) => {
    await submitNumber(page, freshNumber());
    await status(page, 'Text sent.').waitFor();

    await page.context().setOffline(true);
    await status(page, 'The service does not answer. Trying again…').waitFor();
    await enter(page, '123456');
    await alert(page, 'The service cannot be reached.').waitFor();

    await page.context().setOffline(false);
    await status(page, 'Text sent.').waitFor();
  });

  it('asks for news only while there can be some and somebody looks', async ({ service, page }) => {
    await page.clock.install();
    const seen = collectPolls(page);
    const to = freshNumber();
    await submitNumber(page, to);
    const message = await service.sandbox.nextMessage(to);
    await status(page, 'Text sent.').waitFor();

    const look = async (hidden: boolean) => {
      await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    };
    await look(true);
    const before = seen.length;
    await page.clock.runFor(10 * SECOND);
    expect(seen).toHaveLength(before);

    const next = page.waitForRequest((request) => request.url().includes('/demo/api/verifications/'));
    await look(false);
    await next;

    await enter(page, message.code);
    await heading(page, 'Verified!').waitFor();
    const atTheEnd = seen.length;
    await page.clock.runFor(10 * SECOND);
    expect(seen).toHaveLength(atTheEnd);
  });

  it.for(['light', 'dark'] as const)('fits a small screen, %s', async (colorScheme, { page }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 320, height: 640 });
    const width = () => page.evaluate('document.documentElement.scrollWidth');

    expect(await width()).toBe(320);
    await submitNumber(page, freshNumber());
    await status(page, 'Text sent.').waitFor();
    expect(await width()).toBe(320);
  });
});
