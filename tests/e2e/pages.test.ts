/** The pages, driven in a real browser against the whole system, at the width of a desktop and of a phone. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createShareLink } from '../../shared/contracts/routes.gen.ts';
import { CHROMIUM, launchBrowser, NO_BROWSER } from '../harness/browser.ts';
import { type Customer, customer } from '../harness/customer.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const SCREENSHOTS = join(import.meta.dirname, 'screenshots');
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

if (CHROMIUM === undefined) process.stdout.write(`tests/e2e/pages: ${NO_BROWSER}\n`);

describe.skipIf(CHROMIUM === undefined)('the pages in a real browser', () => {
  let platform: TestPlatform;
  let browser: Browser;
  let alice: Customer;
  const opened: BrowserContext[] = [];
  /** What the browser complained about: a page that works has nothing to say. */
  const complaints: string[] = [];

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    [platform, browser] = await Promise.all([startPlatform({ speed: 30, drones: 6 }), launchBrowser()]);
    alice = customer(platform.endpoints);
  });

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });

  afterEach(async () => {
    for (const context of opened.splice(0)) await context.close();
    const said = complaints.splice(0);
    if (said.length > 0) throw new Error(`the browser complained: ${said.join('; ')}`);
  });

  async function open(size: { width: number; height: number }, path = '/'): Promise<Page> {
    const context = await browser.newContext({ viewport: size, hasTouch: size === PHONE });
    opened.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      // A delivery that was asked for a moment ago is not there yet: the page asks again.
      const isEarly = response.status() === 404 && /^\/(api\/deliveries\/|tickets)/.test(pathname);
      if (response.status() >= 400 && !isEarly) complaints.push(`${response.status()} ${pathname}`);
    });
    await page.goto(`${platform.endpoints.gateway}${path}`);
    return page;
  }

  async function signIn(page: Page, who: string): Promise<void> {
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: who }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  }

  async function requestDelivery(page: Page, pickup: string, dropoff: string, weight = '1.2') {
    await page.getByLabel('Pick up at').fill(pickup);
    await page.getByLabel('Bring to').fill(dropoff);
    await page.getByLabel('Weight, kg').fill(weight);
    await page.getByRole('button', { name: 'Request the delivery' }).click();
    await page.waitForURL('**/deliveries/*');
    return page.url().split('/').at(-1) as string;
  }

  /** Nothing sticks out to the side, and nothing that can be pressed is too small for a finger. */
  async function fits(page: Page): Promise<void> {
    const { wide, width } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      width: innerWidth,
    }));
    expect(wide).toBeLessThanOrEqual(width);
  }

  const shot = (page: Page, name: string) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });

  test('a delivery is asked for with the form, and watched live until it is delivered', async () => {
    const page = await open(DESKTOP);
    await shot(page, 'desktop-welcome');
    await signIn(page, 'Alice');
    await page.getByLabel('Pick up at').fill('200 Market Street');
    await page.getByLabel('Bring to').fill('412 Beacon Street');
    await page.getByLabel('Weight, kg').fill('1.2');
    await page.locator('.quote').first().waitFor();
    await shot(page, 'desktop-form');
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await page.getByRole('button', { name: 'Request the delivery' }).click();
    await page.waitForURL('**/deliveries/*');
    const deliveryId = page.url().split('/').at(-1) as string;
    const stages = page.getByRole('list', { name: 'Stages of the delivery' });
    await stages.locator('[aria-current=step]', { hasText: /pickup/i }).waitFor();
    await page.waitForTimeout(1_500);
    await shot(page, 'desktop-flight');
    await page.getByText('Delivered', { exact: false }).first().waitFor();
    await until(async () => (await alice.history(deliveryId))?.stage === 'Completed' || undefined, 'history');
    await shot(page, 'desktop-delivered');
    // Pushed, not polled: the page has not asked for the delivery's status more than a few times.
    expect(requests.filter((path) => path.endsWith('/status')).length).toBeLessThan(5);
    expect(requests.filter((path) => path.startsWith('/track/')).length).toBeLessThan(3);
    await fits(page);
  });

  test('on a phone: asked for, watched, cancelled', async () => {
    const page = await open(PHONE);
    await shot(page, 'phone-welcome');
    await signIn(page, 'Alice');
    await fits(page);
    await shot(page, 'phone-form');
    const deliveryId = await requestDelivery(page, '500 Kestrel Avenue', '140 Willow Street');
    await page.getByRole('button', { name: 'Cancel delivery' }).waitFor();
    await page.waitForTimeout(800);
    await shot(page, 'phone-flight');
    await fits(page);
    await page.getByRole('button', { name: 'Cancel delivery' }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    expect(await alice.ended(deliveryId)).toMatchObject({ outcome: { kind: 'cancelled' } });
    await page
      .getByText(/cancelled/i)
      .first()
      .waitFor();
    await shot(page, 'phone-cancelled');
  });

  test('what is wrong in the form is said beside its field, and nothing is sent', async () => {
    const page = await open(PHONE);
    await signIn(page, 'Alice');
    await page.getByLabel('Pick up at').fill('1 Nowhere Road');
    await page.getByLabel('Bring to').fill('412 Beacon Street');
    await page.getByLabel('Weight, kg').fill('1');
    await page.getByRole('button', { name: 'Request the delivery' }).click();
    await page.locator('#pickup[aria-invalid=true]').waitFor();
    expect(await page.locator('#pickup-note').innerText()).toMatch(/address/i);
    await shot(page, 'phone-wrong-address');
    const refused = new Set(complaints.splice(0));
    expect(refused).toContain('400 /api/deliveryrequests');
    refused.delete('400 /api/deliveryrequests');
    refused.delete('400 /api/quotes');
    expect([...refused]).toEqual([]);
    expect(page.url()).not.toContain('/deliveries/');
  });

  test('an operator sees the whole fleet move', async () => {
    const page = await open(DESKTOP);
    await signIn(page, 'Olivia');
    await page.getByText('drone-6').first().waitFor();
    await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
    await page
      .getByText(/1 in the air|in the air/i)
      .first()
      .waitFor();
    await page.waitForTimeout(1_000);
    await shot(page, 'desktop-fleet');
    await fits(page);
  });

  test('a share link shows the delivery to whoever has it, without its owner', async () => {
    const deliveryId = await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
    const { url } = await until(async () => {
      const answer = await alice.call(createShareLink, { params: { deliveryId }, body: {} });
      return answer.ok ? answer.body : undefined;
    }, 'a share link');
    const page = await open(PHONE, new URL(url).pathname);
    await page.getByText('Shared with you').waitFor();
    expect(await page.getByRole('main').innerText()).not.toMatch(/contoso|alice/i);
    await shot(page, 'phone-shared');
    await fits(page);
  });

  test('the API can be read', async () => {
    const page = await open(DESKTOP, '/api-docs');
    await page.getByText('/api/deliveryrequests').first().waitFor();
    await shot(page, 'desktop-api');
    await fits(page);
  });
});
