/** The pages in a real browser: opens them, signs people in, and looks at them as a reviewer would. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

const SCREENSHOTS = join(import.meta.dirname, '../e2e/screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Pages {
  /** A page in a browser of its own, or in a new tab of a page's browser. */
  readonly open: (size: { width: number; height: number }, path?: string, beside?: Page) => Promise<Page>;
  readonly signIn: (page: Page, who: string) => Promise<void>;
  /** The page at the width of a desktop and of a phone, light and dark: nothing sticks out, axe finds nothing. */
  readonly review: (page: Page, name: string) => Promise<void>;
  /** Refusals that a test provokes, such as `400 /api/quotes`; any other is a complaint. */
  readonly expectRefusal: (refusal: string) => void;
  /** Closes what was opened. @throws Error when the browser complained: a page that works has nothing to say */
  readonly finish: () => Promise<void>;
}

export function openPages(browser: Browser, origin: string): Pages {
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  const expected = new Set<string>();
  mkdirSync(SCREENSHOTS, { recursive: true });

  const watch = (page: Page) => {
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('response', (response) => {
      if (response.status() < 400) return;
      const refusal = `${response.status()} ${new URL(response.url()).pathname}`;
      // A service that is busy says so, and the page asks again.
      const isBusy = response.status() === 503 || response.status() === 429;
      if (!isBusy && !expected.has(refusal)) complaints.push(refusal);
    });
  };

  return {
    open: async (size, path = '/', beside) => {
      const context =
        beside?.context() ?? (await browser.newContext({ viewport: size, hasTouch: size === PHONE }));
      if (!beside) contexts.push(context);
      const page = await context.newPage();
      watch(page);
      await page.goto(`${origin}${path}`);
      return page;
    },
    signIn: async (page, who) => {
      await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: who }).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
    },
    review: async (page, name) => {
      const before = page.viewportSize();
      for (const [width, size] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        await page.setViewportSize(size);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          await expectFits(page);
          await expectAccessible(page, `${name}, ${width}, ${colorScheme}`, colorScheme === 'dark');
          await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`) });
        }
      }
      await page.emulateMedia({ colorScheme: 'light' });
      if (before) await page.setViewportSize(before);
    },
    expectRefusal: (refusal) => expected.add(refusal),
    finish: async () => {
      for (const context of contexts.splice(0)) await context.close();
      expected.clear();
      const said = complaints.splice(0);
      if (said.length > 0) throw new Error(`the browser complained: ${said.join('; ')}`);
    },
  };
}

/** A digest of the drones on the map: it changes when one of them moves. */
export async function overlayOf(page: Page): Promise<string> {
  const canvas = page.locator('.map-view canvas').last();
  const picture = await canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  return createHash('sha256').update(picture).digest('hex');
}

async function expectFits(page: Page): Promise<void> {
  const { wide, width } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    width: innerWidth,
  }));
  expect(wide).toBeLessThanOrEqual(width);
}

/**
 * https://github.com/dequelabs/axe-core
 *
 * @param isRecoloured nothing but the colours has changed since the last look: only their rules are run
 */
async function expectAccessible(page: Page, name: string, isRecoloured: boolean): Promise<void> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE);
  const rules = isRecoloured ? "runOnly: ['color-contrast', 'link-in-text-block']," : '';
  const { violations } = (await page.evaluate(
    `axe.run(document, { ${rules} resultTypes: ["violations"] })`,
  )) as AxeResults;
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
  expect(found, name).toEqual([]);
}
