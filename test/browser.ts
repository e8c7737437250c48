import { type Browser, chromium } from 'playwright-core';
import { findProgram } from './programs.ts';

/** The Chromium of this machine, if it has one: `CHROMIUM_PATH`, else the first that `PATH` knows. */
export const CHROMIUM =
  process.env['CHROMIUM_PATH'] || findProgram('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable');

/** Starts the machine's Chromium, without a window and without requests of its own. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
