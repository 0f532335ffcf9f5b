/** Reads and writes the body of a blob batch. https://learn.microsoft.com/rest/api/storageservices/blob-batch */

export interface Part {
  readonly method: string;
  readonly target: string;
  /** The header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

const REQUEST_LINE = /^([A-Z]+) (\S+) (HTTP\/1\.\d)$/;

/** The batch with the targets that `sign` returns, and without tokens. */
export async function rewriteBatch(text: string, sign: (part: Part) => Promise<string>): Promise<string> {
  const lines = text.split('\r\n');
  for (const [at, line] of lines.entries()) {
    const [, method, target, version] = REQUEST_LINE.exec(line) ?? [];
    if (method === undefined || target === undefined) continue;
    const header = headersFrom(lines.slice(at + 1));
    lines[at] = `${method} ${await sign({ method, target, header })} ${version}`;
  }
  return lines.filter((line) => !/^authorization: *bearer /i.test(line)).join('\r\n');
}

function headersFrom(lines: readonly string[]): Part['header'] {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) break;
    headers.set(name.toLowerCase(), value);
  }
  return (name) => headers.get(name);
}
