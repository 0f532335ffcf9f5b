/** Reads `text/event-stream`. https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */

export interface StreamEvent {
  readonly data: string;
  readonly id: string | undefined;
}

export interface StreamParser {
  /** Events that this piece completes. Pieces may break anywhere. */
  readonly push: (piece: string) => StreamEvent[];
  /** ms, as the server asked for with `retry:`. */
  readonly retry: () => number | undefined;
}

export function createStreamParser(): StreamParser {
  let rest = '';
  let data: string[] = [];
  let id: string | undefined;
  let retry: number | undefined;

  const field = (line: string) => {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'id') id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) retry = Number(value);
  };

  return {
    push: (piece) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      const events: StreamEvent[] = [];
      for (const raw of lines) {
        const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
        if (line !== '') {
          if (!line.startsWith(':')) field(line);
          continue;
        }
        if (data.length > 0) events.push({ data: data.join('\n'), id });
        data = [];
        id = undefined;
      }
      return events;
    },
    retry: () => retry,
  };
}
