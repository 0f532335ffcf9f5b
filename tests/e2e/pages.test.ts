/** The pages, driven in a real browser against the whole system, at the width of a desktop and of a phone. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { png } from '../../functions/delivery/proof.fixture.ts';
import { createShareLink, getPublicDelivery, revokeShareLink } from '../../shared/contracts/routes.gen.ts';
import { CHROMIUM, launchBrowser, NO_BROWSER } from '../harness/browser.ts';
import { type Customer, customer } from '../harness/customer.ts';
import { DESKTOP, openPages, overlayOf, type Pages, PHONE } from '../harness/pages.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

const PICTURE = png(64, 64);

if (CHROMIUM === undefined) process.stdout.write(`tests/e2e/pages: ${NO_BROWSER}\n`);

describe.skipIf(CHROMIUM === undefined)('the pages in a real browser', () => {
  let platform: TestPlatform;
  let browser: Browser;
  let alice: Customer;
  let pages: Pages;

  beforeAll(async () => {
    [platform, browser] = await Promise.all([startPlatform({ speed: 20, drones: 6 }), launchBrowser()]);
    alice = customer(platform.endpoints);
    pages = openPages(browser, platform.endpoints.gateway);
  });

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });

  afterEach(() => pages.finish());

  const button = (page: Page, name: string) => page.getByRole('button', { name });

  async function fill(page: Page, pickup: string, dropoff: string, weight = '1.2'): Promise<void> {
    await page.getByLabel('Pick up at').fill(pickup);
    await page.getByLabel('Bring to').fill(dropoff);
    await page.getByLabel('Weight, kg').fill(weight);
  }

  async function request(page: Page): Promise<string> {
    await button(page, 'Request the delivery').click();
    await page.waitForURL('**/deliveries/*');
    return page.url().split('/').at(-1) as string;
  }

  test('a person signs in, by a page of people only; a second tab needs no question (D12, W24)', async () => {
    const page = await pages.open(DESKTOP);
    await pages.review(page, 'welcome');
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await button(page, 'Alice').waitFor();
    expect(await page.getByRole('button').allInnerTexts()).toHaveLength(5);
    await pages.review(page, 'people');
    await button(page, 'Alice').click();
    await button(page, 'Sign out').waitFor();
    const second = await pages.open(DESKTOP, '/deliveries/none', page);
    pages.expectRefusal('404 /api/deliveryrequests/none');
    await second.getByText('There is no such delivery in your account.').waitFor();
    expect(new URL(second.url()).pathname).toBe('/deliveries/none');
    await button(second, 'Sign out').click();
    await second.getByRole('main').getByRole('button', { name: 'Sign in' }).waitFor();
  });

  test('a delivery is asked for with the form, and watched live until it is delivered', async () => {
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Alice');
    await fill(page, '200 Market Street', '412 Beacon Street');
    await page.getByText('By drone').waitFor();
    await pages.review(page, 'form');
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    const deliveryId = await request(page);
    const stages = page.getByRole('list', { name: 'Stages of the delivery' });
    await stages.locator('[aria-current=step]', { hasText: /pickup/i }).waitFor();
    await page.getByText('Arrives in', { exact: true }).waitFor();
    await pages.review(page, 'flight');
    await until(async () => (await alice.stage(deliveryId)) === 'HeadedToDropoff' || undefined, 'loaded');
    await page.getByText('can no longer be cancelled').waitFor();
    expect(await button(page, 'Cancel delivery').count()).toBe(0);
    await page.getByText('Delivered', { exact: true }).first().waitFor();
    await until(async () => (await alice.history(deliveryId))?.stage === 'Completed' || undefined, 'history');
    await pages.review(page, 'delivered');
    expect(await button(page, 'Share a link').count()).toBe(0);
    // Pushed, not polled: the page has not asked for the delivery's status more than a few times.
    expect(requests.filter((path) => path.endsWith('/status')).length).toBeLessThan(5);
    expect(requests.filter((path) => path.startsWith('/track/')).length).toBeLessThan(3);
  });

  test('on a phone: asked for, watched, cancelled', async () => {
    const page = await pages.open(PHONE);
    await pages.signIn(page, 'Alice');
    await fill(page, '500 Kestrel Avenue', '140 Willow Street');
    await request(page);
    await button(page, 'Cancel delivery').click();
    await button(page, 'Cancel it').waitFor();
    await pages.review(page, 'cancel');
    // The look took a while, and this drone may have its parcel by now: another delivery is cancelled.
    const deliveryId = await alice.submit();
    await page.goto(`${platform.endpoints.gateway}/deliveries/${deliveryId}`);
    await button(page, 'Cancel delivery').click();
    await button(page, 'Cancel it').click();
    expect(await alice.ended(deliveryId)).toMatchObject({ outcome: { kind: 'cancelled' } });
    await page
      .getByRole('region', { name: 'How it ended' })
      .getByText('The delivery was cancelled.')
      .waitFor();
    await pages.review(page, 'cancelled');
  });

  test('the form says what is wrong beside its field and sends nothing; it is kept on the way back (D13)', async () => {
    const page = await pages.open(PHONE);
    await pages.signIn(page, 'Alice');
    pages.expectRefusal('400 /api/quotes');
    pages.expectRefusal('400 /api/deliveryrequests');
    await fill(page, '1 Nowhere Road', '412 Beacon Street', '1');
    await button(page, 'Request the delivery').click();
    await page.locator('#pickup[aria-invalid=true]').waitFor();
    expect(await page.locator('#pickup-note').innerText()).toMatch(/address/i);
    await pages.review(page, 'wrong-address');
    expect(page.url()).not.toContain('/deliveries/');
    await page.getByRole('link', { name: 'API' }).click();
    await page.getByRole('heading', { name: 'API' }).waitFor();
    await page.goBack();
    await button(page, 'Sign out').waitFor();
    expect(await page.getByLabel('Pick up at').inputValue()).toBe('1 Nowhere Road');
    expect(await page.getByLabel('Weight, kg').inputValue()).toBe('1');
  });

  test('what cannot be carried cannot be asked for, and the page says why (D3)', async () => {
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Alice');
    await fill(page, '200 Market Street', '412 Beacon Street', '900');
    await page.getByText('Neither a drone nor a courier can carry this parcel.').waitFor();
    expect(await button(page, 'Request the delivery').isDisabled()).toBe(true);
    await page.getByLabel('Weight, kg').fill('1');
    await page.getByText('By drone').waitFor();
    expect(await button(page, 'Request the delivery').isDisabled()).toBe(false);
  });

  test('a rejected delivery says so in one sentence without drones (D4)', async () => {
    const deliveryId = await alice.submit({ packageInfo: { size: 'Large', weight: 60 } });
    await alice.ended(deliveryId);
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Alice');
    await page.goto(`${platform.endpoints.gateway}/deliveries/${deliveryId}`);
    const ending = page.getByRole('region', { name: 'How it ended' });
    await ending.waitFor();
    expect(await ending.getByRole('listitem').count()).toBe(0);
    expect(await page.getByRole('main').innerText()).not.toMatch(/drone-\d/);
    expect(await button(page, 'Share a link').count()).toBe(0);
    await pages.review(page, 'rejected');
  });

  test('proof is asked for on arrival only, takes a picture only, and is asked for once (D2)', async () => {
    const page = await pages.open(PHONE);
    await pages.signIn(page, 'Alice');
    await fill(page, '200 Market Street', '412 Beacon Street');
    await page.getByLabel('Proof of delivery').selectOption('Picture');
    const deliveryId = await request(page);
    await page.getByText('needs your confirmation when it arrives').waitFor();
    const file = page.locator('input[type=file]');
    expect(await file.count()).toBe(0);
    await page.getByText('Your parcel is there. Please confirm it.').waitFor({ timeout: 60_000 });
    await pages.review(page, 'proof');
    await file.setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
    await page.getByText('This file is not a picture.').waitFor();
    await file.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: PICTURE });
    await page.getByText('Thank you: the proof is stored').waitFor();
    expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  });

  test('when tracking is silent, the arrival time says since when, and the drone turns grey (D14)', async () => {
    const deliveryId = await alice.submit({
      pickupLocation: '500 Kestrel Avenue',
      dropOffLocation: '140 Willow Street',
    });
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Alice');
    await page.goto(`${platform.endpoints.gateway}/deliveries/${deliveryId}`);
    await page.getByText('Arrives in', { exact: true }).waitFor();
    await page.locator('.marker-drone:not([hidden])').waitFor({ state: 'attached' });
    const tracking = platform.endpoints.parts['tracking']?.pid as number;
    process.kill(tracking, 'SIGSTOP');
    try {
      await page.getByText(/No news since \d/).waitFor({ timeout: 40_000 });
      expect(await page.getByText('Arrives in', { exact: true }).count()).toBe(0);
      await page.locator('.marker-drone.is-lost').waitFor({ state: 'attached' });
      await pages.review(page, 'stale');
    } finally {
      process.kill(tracking, 'SIGCONT');
    }
    await alice.ended(deliveryId, 90_000);
  });

  test('the sender makes a link, sees it listed also after a reload, and revokes it (D17)', async () => {
    const deliveryId = await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Alice');
    await page.goto(`${platform.endpoints.gateway}/deliveries/${deliveryId}`);
    await button(page, 'Share a link').click();
    const path = new URL(await page.getByLabel('Link to this delivery', { exact: true }).inputValue())
      .pathname;
    await page.reload();
    await pages.review(page, 'sharing');
    await button(page, 'Stop sharing').first().click();
    await page.getByText('That link no longer works.').waitFor();
    const { status } = await alice.call(getPublicDelivery, {
      params: { token: path.split('/').at(-1) as string },
    });
    expect(status).toBe(404);
  });

  test('a share link shows the delivery without its owner, and nothing once it is revoked (D5, D6, D17)', async () => {
    const deliveryId = await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
    const { url, linkId } = await until(async () => {
      const answer = await alice.call(createShareLink, { params: { deliveryId }, body: {} });
      return answer.ok ? answer.body : undefined;
    }, 'a share link');
    const path = new URL(url).pathname;
    const page = await pages.open(PHONE, path);
    await page.getByText('Shared with you').waitFor();
    expect(await page.getByRole('main').innerText()).not.toMatch(/contoso|alice/i);
    const markers = page.locator('.marker:not([hidden])');
    expect(await markers.count()).toBeGreaterThan(0);
    await pages.review(page, 'shared');
    pages.expectRefusal(`404 /api/deliveries/public/${path.split('/').at(-1)}`);
    await alice.call(revokeShareLink, { params: { deliveryId, linkId } });
    await page.getByText('This link is not valid').waitFor();
    expect(await page.getByText(/Arrives in|Shared with you/).count()).toBe(0);
    expect(await markers.count()).toBe(0);
    pages.expectRefusal('404 /api/deliveries/public/abc.def');
    const wrong = await pages.open(PHONE, '/share/abc.def');
    await wrong.getByText('This link is not valid').waitFor();
    expect(await wrong.getByRole('main').innerText()).not.toMatch(/token|expected/i);
    await pages.review(wrong, 'share-invalid');
  });

  test('an operator sees the whole fleet, and a drone that flies moves', async () => {
    const page = await pages.open(DESKTOP);
    await pages.signIn(page, 'Olivia');
    await page.getByText('drone-6', { exact: true }).waitFor();
    // Drones of earlier tests fly home first.
    await button(page, 'Working').filter({ hasText: '0' }).waitFor({ timeout: 90_000 });
    const pixels = () => overlayOf(page);
    const resting = await until(async () => {
      const before = await pixels();
      await page.waitForTimeout(1_500);
      return (await pixels()) === before ? before : undefined;
    }, 'a fleet that stands still on the map');
    await alice.submit({ pickupLocation: '500 Kestrel Avenue' });
    const flying = page.getByRole('listitem').filter({ hasText: 'Flying to a pickup' });
    await flying.first().waitFor();
    const [first, second] = [
      await pixels(),
      await until(async () => {
        await page.waitForTimeout(300);
        const now = await pixels();
        return now === resting ? undefined : now;
      }, 'a drone that has left its base on the map'),
    ];
    await until(async () => ![first, second].includes(await pixels()) || undefined, 'the drone flies on');
    await flying.first().getByRole('button').click();
    await page.getByRole('link', { name: 'Follow its delivery' }).waitFor();
    await pages.review(page, 'fleet');
    await button(page, 'At base').click();
    expect(await flying.count()).toBe(0);
  });

  test('the API can be read and searched, with its routes open (D7)', async () => {
    const page = await pages.open(DESKTOP, '/api-docs');
    const route = page.locator('#submitRequest');
    await route.getByText('/api/deliveryrequests', { exact: true }).waitFor();
    await pages.review(page, 'api');
    await page.getByRole('searchbox').fill('POST deliveryrequests');
    await route.locator('summary').first().click();
    expect(await route.getByText('customer', { exact: true }).count()).toBe(1);
    for (const field of ['pickupLocation', 'dropOffLocation', 'packageInfo'])
      expect(await route.locator('code').getByText(field, { exact: true }).count()).toBeGreaterThan(0);
    expect(await route.locator('pre').first().innerText()).toMatch(
      /^curl -s -X POST ".*\/api\/deliveryrequests".*authorization: Bearer.*"pickupLocation":"200 Market Street"/s,
    );
    await route.locator('.answer > summary').first().click();
    expect(await route.locator('details[open]').count()).toBeGreaterThan(0);
    expect(await route.getAttribute('open')).not.toBeNull();
    await pages.review(page, 'api-open');
    await page.getByRole('searchbox').fill('nothing has this name');
    await page.getByText('0 routes').waitFor();
  });
});
