// `npm run screenshots`: the pictures of the README, taken from a service of its own, so that they show what a newcomer
// sees. The recording of the fallback needs ffmpeg; without it, it is left as it is.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { launchBrowser } from '../test/browser.ts';
import { PROJECT_DIR } from './choose-node.mjs';

/** @typedef {import('playwright-core').Page} Page */

const IMAGES = path.join(PROJECT_DIR, 'docs', 'images');
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };
const RECORDED = { width: 1280, height: 860 };
const FRAMES_PER_SECOND = 6;
/** The wait for the call is shown this many times faster. */
const TIME_LAPSE = 4;
const START_LIMIT_MS = 120_000;

const work = mkdtempSync(path.join(tmpdir(), 'ringback-screenshots-'));
mkdirSync(IMAGES, { recursive: true });
const service = await startService();
const browser = await launchBrowser();
try {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) await takeWide(colorScheme);
  await takeNarrow();
  await takePhones();
  await takeConsole();
  await record();
} finally {
  await browser.close();
  await service.stop();
  rmSync(work, { recursive: true, force: true });
}

async function startService() {
  const env = { ...process.env, PORT: '0', SANDBOX_PORT: '0', RINGBACK_DATA_DIR: path.join(work, 'data') };
  const child = spawn(process.execPath, [path.join(PROJECT_DIR, 'scripts', 'start.mjs')], {
    env: { ...env, RESEND_COOLDOWN: '30', LIMIT_NUMBER_COOLDOWN: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  for (const limit = Date.now() + START_LIMIT_MS; !output.includes('Ctrl-C stops everything'); await delay(100)) {
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`npm start does not start: ${output}`);
  }
  const find = (/** @type {RegExp} */ pattern) => pattern.exec(output)?.[1] ?? '';
  return {
    demo: find(/Demo page +(\S+)/),
    phones: find(/Phone +(\S+)/),
    admin: { url: find(/Console +(\S+)/), user: find(/sign in as (\S+)/), password: find(/sign in as \S+ with (\S+)/) },
    api: find(/API +(\S+)/),
    key: find(/API key +(\S+)/),
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/**
 * @param {object} options
 * @param {{ width: number, height: number }} options.viewport
 * @param {'light' | 'dark'} [options.colorScheme]
 * @param {number} [options.deviceScaleFactor]
 */
async function openDemo({ viewport, colorScheme = 'light', deviceScaleFactor = 1.5 }) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor, locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(service.demo);
  await page.getByRole('heading', { name: 'Verify your number' }).waitFor();
  return page;
}

/** @param {Page} page @param {string} name */
function press(page, name) {
  return page.getByRole('button', { name }).click();
}

/** @param {Page} page @param {string} headline */
function untilTold(page, headline) {
  return page.getByRole('log').getByText(headline, { exact: true }).waitFor();
}

/** @param {string} name */
function image(name) {
  return path.join(IMAGES, name);
}

/** The text has come, and the call that was asked for rings. @param {Page} page */
async function untilItRings(page) {
  await press(page, 'Send the code');
  await untilTold(page, 'Text accepted');
  await press(page, 'Call me instead');
  await page.getByText('Incoming call').waitFor();
  await untilTold(page, 'Call accepted');
  await delay(1_000); // for what moves
}

/** @param {'light' | 'dark'} colorScheme */
async function takeWide(colorScheme) {
  const page = await openDemo({ viewport: WIDE, colorScheme });
  await untilItRings(page);
  await page.screenshot({ path: image(`demo-${colorScheme}.png`) });
  await page.context().close();
}

async function takeNarrow() {
  const page = await openDemo({ viewport: NARROW });
  await press(page, 'Send the code');
  await untilTold(page, 'Text accepted');
  await delay(1_000);
  await page.screenshot({
    path: image('demo-narrow.png'),
    clip: { x: 0, y: 0, width: 390, height: 1180 },
    fullPage: true,
  });
  await page.context().close();
}

async function takePhones() {
  const page = await openDemo({ viewport: { width: 1152, height: 1000 } });
  await page.goto(service.phones);
  await page.getByRole('article').first().waitFor();
  await delay(500);
  await page.screenshot({ path: image('phones.png') });
  await page.context().close();
}

/** The console over some traffic, light, dark and narrow, and one verification in it. */
async function takeConsole() {
  const numbers = ['+14045550123', '+12025550143', '+16135550171', '+447700900123', '+14045550101', '+14165550188'];
  for (const to of [...numbers, ...numbers]) await verify(to);
  const refused = await submit('+14045550101');
  await delay(3_000); // the counts follow within a second
  for (const [name, viewport, colorScheme] of /** @type {const} */ ([
    ['light', WIDE, 'light'],
    ['dark', WIDE, 'dark'],
    ['narrow', NARROW, 'light'],
  ])) {
    const page = await openConsole(viewport, colorScheme);
    await page.getByRole('row', { name: 'United States' }).waitFor();
    await delay(500);
    await page.screenshot({ path: image(`console-${name}.png`), fullPage: name !== 'narrow' });
    await page.context().close();
  }
  const page = await openConsole({ width: 1152, height: 720 }, 'light');
  await page.goto(`${service.admin.url}/verifications/${refused}`);
  await page.getByText('Call accepted', { exact: true }).waitFor();
  await delay(500);
  await page.screenshot({ path: image('console-story.png') });
  await page.context().close();
}

/** @param {{ width: number, height: number }} viewport @param {'light' | 'dark'} colorScheme */
async function openConsole(viewport, colorScheme) {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1.5, locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(service.admin.url);
  await page.getByLabel('User').fill(service.admin.user);
  await page.getByLabel('Password').fill(service.admin.password);
  await press(page, 'Sign in');
  return page;
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
async function post(path, body) {
  const response = await fetch(service.api + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** @param {string} to */
async function submit(to) {
  const { id } = await post('/verifications', { to, if_active: 'replace', callback_url: `${service.phones}/receiver` });
  await delay(1_500); // for what it takes to arrive
  return id;
}

/** Submits a verification and enters what has arrived on its phone. @param {string} to */
async function verify(to) {
  const id = await submit(to);
  const response = await fetch(new URL('/messages', service.phones));
  const messages = /** @type {{ to: string, code: string }[]} */ (await response.json());
  const mine = messages.find((message) => message.to === to);
  if (mine) await post(`/verifications/${id}/checks`, { code: mine.code });
}

/** The text never arrives, and the call takes over, as frames and then as a moving picture. */
async function record() {
  if (spawnSync('ffmpeg', ['-version']).status !== 0) {
    console.log('ffmpeg is not there: the recording stays as it is');
    return;
  }
  const page = await openDemo({ viewport: RECORDED, deviceScaleFactor: 1 });
  const film = startFilm(page);
  await film.run(1_200);
  await page.getByRole('switch', { name: 'The text never arrives' }).click();
  await film.run(1_200);
  await press(page, 'Send the code');
  await untilTold(page, 'Text accepted');
  await film.run(1_500);
  await film.until(page.getByText('Incoming call'), TIME_LAPSE);
  await film.run(2_200);
  await press(page, 'Answer');
  await film.run(5_000);
  await press(page, 'Hang up');
  const code = (await page.locator('.phone .code').textContent()) ?? '';
  await page.getByRole('textbox', { name: 'Code' }).pressSequentially(code);
  await film.run(800);
  await press(page, 'Verify');
  await page.getByRole('heading', { name: 'Verified!' }).waitFor();
  await film.run(3_500);
  await page.context().close();
  film.develop(image('fallback.gif'));
}

/** @param {Page} page */
function startFilm(page) {
  const frameMs = 1_000 / FRAMES_PER_SECOND;
  let frames = 0;
  const expose = async () => {
    frames += 1;
    await page.screenshot({ path: path.join(work, `frame-${String(frames).padStart(4, '0')}.png`) });
  };
  /** @param {() => Promise<boolean>} isOver @param {number} everyMs */
  const shoot = async (isOver, everyMs) => {
    while (!(await isOver())) {
      const due = Date.now() + everyMs;
      await expose();
      await delay(Math.max(0, due - Date.now()));
    }
  };
  return {
    /** @param {number} ms */
    run(ms) {
      const end = Date.now() + ms;
      return shoot(async () => Date.now() >= end, frameMs);
    },
    /** @param {import('playwright-core').Locator} sign @param {number} faster */
    until: (sign, faster) => shoot(() => sign.isVisible(), frameMs * faster),
    /** @param {string} file */
    develop(file) {
      const input = ['-framerate', String(FRAMES_PER_SECOND), '-i', path.join(work, 'frame-%04d.png')];
      const filter =
        'scale=960:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=96:stats_mode=full[p];[b][p]paletteuse=dither=none:diff_mode=rectangle';
      const made = spawnSync('ffmpeg', ['-y', '-loglevel', 'error', ...input, '-vf', filter, file], {
        stdio: 'inherit',
      });
      if (made.status !== 0) throw new Error('ffmpeg could not make the recording');
      spawnSync('gifsicle', ['-b', '-O3', '--lossy=30', file]); // smaller where it is there
    },
  };
}
