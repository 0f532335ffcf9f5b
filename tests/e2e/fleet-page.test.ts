/** The fleet page with 2,000 drones in a real browser: the stream is synthetic, all else is the system. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launchBrowser } from '../harness/browser.ts';
import { DESKTOP, openPages, overlayOf, type Pages } from '../harness/pages.ts';
import { startPlatform, type TestPlatform } from '../harness/platform.ts';
import { type SyntheticFleet, startSyntheticFleet } from '../harness/synthetic-fleet.ts';

const DRONES = 2_000;
/** The page has some 150 elements without a fleet; a row has 8, and about 30 rows are rendered. */
const MAX_ELEMENTS = 600;

describe.skipIf(CHROMIUM === undefined)('the fleet page with 2,000 drones', () => {
  let platform: TestPlatform;
  let browser: Browser;
  let pages: Pages;
  let fleet: SyntheticFleet;

  beforeAll(async () => {
    [platform, browser, fleet] = await Promise.all([
      startPlatform({ drones: 1 }),
      launchBrowser(),
      startSyntheticFleet(DRONES),
    ]);
    pages = openPages(browser, platform.endpoints.gateway);
  });

  afterAll(async () => {
    await browser?.close();
    await fleet?.[Symbol.asyncDispose]();
    await platform?.stop();
  });

  afterEach(() => pages.finish());

  async function open(): Promise<Page> {
    const page = await pages.open(DESKTOP);
    await page.route('**/fleet?*', (route) => route.continue({ url: `${fleet.origin}/fleet` }));
    await pages.signIn(page, 'Olivia');
    await page.getByRole('button', { name: '2000 All' }).waitFor();
    return page;
  }

  const rows = (page: Page) => page.locator('.drones').getByRole('listitem');
  const elements = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);
  /** How much of the overlay is painted, in pixels. */
  const painted = (page: Page) =>
    page
      .locator('.map-view canvas')
      .last()
      .evaluate((element) => {
        const { width, height } = element as HTMLCanvasElement;
        const pixels = (element as HTMLCanvasElement)
          .getContext('2d')
          ?.getImageData(0, 0, width, height).data;
        return pixels ? pixels.filter((value, index) => index % 4 === 3 && value > 0).length : 0;
      });

  test('renders the rows on the screen only, wherever it is scrolled to (D9)', async () => {
    const page = await open();
    await rows(page).first().waitFor();
    expect(await elements(page)).toBeLessThan(MAX_ELEMENTS);
    expect(await rows(page).first().getAttribute('aria-setsize')).toBe('2000');
    const panel = page.locator('.panel');
    expect(await panel.evaluate(({ scrollHeight }) => scrollHeight)).toBeGreaterThan(DRONES * 60);
    await panel.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.getByText('drone-2000', { exact: true }).waitFor();
    expect(await elements(page)).toBeLessThan(MAX_ELEMENTS);
    expect(await rows(page).last().getAttribute('aria-posinset')).toBe('2000');
  });

  test('a filter takes effect in the list and on the map (D9)', async () => {
    const page = await open();
    await rows(page).first().waitFor();
    await page.waitForTimeout(1_500);
    const all = await painted(page);
    await page.getByRole('button', { name: 'At base' }).click();
    await page.getByText('drone-2', { exact: true }).waitFor();
    expect(await rows(page).filter({ hasText: 'Flying' }).count()).toBe(0);
    expect(await rows(page).first().getAttribute('aria-setsize')).toBe('1000');
    await page.waitForTimeout(1_500);
    const idle = await painted(page);
    expect(idle).toBeGreaterThan(0);
    expect(idle).toBeLessThan(all * 0.6);
  });

  test('when tracking does not answer, the page says since when and nothing moves (D14)', async () => {
    const page = await open();
    await rows(page).first().waitFor();
    fleet.silence();
    await page.getByText(/Tracking does not answer\. .* as it was at \d/).waitFor({ timeout: 40_000 });
    await page.getByText('Connection lost').waitFor();
    await page.waitForTimeout(1_000);
    const before = await overlayOf(page);
    await page.waitForTimeout(1_500);
    expect(await overlayOf(page)).toBe(before);
    await pages.review(page, 'fleet-stale');
  });
});
