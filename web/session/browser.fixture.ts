/** A browser for sessions in Node: tabs with an address and storage, and one cookie jar that follows the issuer's redirects. */
import type { Browser } from './browser.ts';

export interface TestBrowser {
  /** ms; tests move it. */
  time: number;
  readonly shared: MemoryStorage;
  /** A new tab at a path of the pages' origin. */
  readonly tab: (path?: string) => TestTab;
}

export interface TestTab extends Browser {
  readonly tab: MemoryStorage;
  url: URL;
  /** Where the page went, in order. */
  readonly visits: URL[];
  /** Goes where the page wanted; `choose` answers the issuer's question. Ends at the address that the pages get. */
  readonly follow: (choose?: (page: Response) => Promise<Response>) => Promise<void>;
}

export const ORIGIN = 'http://127.0.0.1:5555';

export class MemoryStorage {
  readonly values = new Map<string, string>();
  getItem(name: string): string | null {
    return this.values.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.values.set(name, value);
  }
  removeItem(name: string): void {
    this.values.delete(name);
  }
}

export function createBrowser(): TestBrowser {
  const jar = new Map<string, string>();
  const browser: TestBrowser = {
    time: Date.now(),
    shared: new MemoryStorage(),
    tab: (path = '/') => {
      const visits: URL[] = [];
      const made: TestTab = {
        url: new URL(path, ORIGIN),
        visits,
        address: () => made.url,
        go: (url) => visits.push(new URL(url)),
        tab: new MemoryStorage(),
        shared: browser.shared,
        now: () => browser.time,
        follow: async (choose) => {
          let answer = await request(visits.at(-1) as URL, jar);
          if (answer.status === 200 && choose) answer = keepCookies(await choose(answer), jar);
          made.url = new URL(answer.headers.get('location') ?? 'none:');
        },
      };
      return made;
    },
  };
  return browser;
}

async function request(url: URL, jar: ReadonlyMap<string, string>): Promise<Response> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  return keepCookies(
    await fetch(url, { redirect: 'manual', headers: { cookie } }),
    jar as Map<string, string>,
  );
}

function keepCookies(answer: Response, jar: Map<string, string>): Response {
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (value === '') jar.delete(name);
    else jar.set(name, value);
  }
  return answer;
}
