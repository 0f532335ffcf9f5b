/** The real browser of this machine, headless: Debian's Chromium, or whichever `CHROMIUM` names. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Undefined where none is installed. */
export const CHROMIUM = PLACES.find((place) => place !== undefined && existsSync(place));

/** What a skipped test says. */
export const NO_BROWSER =
  'skipped: no Chromium on this machine (Debian: apt-get install chromium; elsewhere set CHROMIUM to its path)';

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}
