import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { SECOND, type Service } from '../../fixtures.ts';
import { PASSWORD } from './admin-client.ts';

/** Opens a page of the console in a browser that has signed in. `close` fails the test when the page asked elsewhere or complained. */
export async function openConsole(browser: Browser, service: Service, path = '/admin', user = 'operator') {
  const context = await browser.newContext({ locale: 'en-US' });
  context.setDefaultTimeout(10 * SECOND);
  const page: Page = await context.newPage();
  const elsewhere: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${service.url}/admin`) && !request.url().startsWith('data:'))
      elsewhere.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => complaints.push(message.text()));
  await page.goto(service.url + path);
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(service.url + path);
  const close = async () => {
    await context.close();
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  };
  return { page, close };
}
