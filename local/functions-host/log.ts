/**
 * Writes the host's log, by category and level as host.json's `logging.logLevel` requires. Categories are those of Application
 * Insights: `Host.Startup`, `Host.Triggers.…`, `Function.<name>` (one line for each invocation), `Function.<name>.User`.
 */
import { stripVTControlCharacters, styleText } from 'node:util';

export type HostLog = (level: string, category: string, message: string) => void;

/** `json`: one object per line, for files and programs. `lines`: for people. `colour`: for people at a terminal. */
export type LogStyle = 'json' | 'lines' | 'colour';

const LEVELS = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'];

/** The longest matching category prefix in host.json decides; default Information. */
export function createHostLog(
  levels: Readonly<Record<string, string>>,
  write: (line: string) => void,
  style: LogStyle = 'json',
): HostLog {
  const rank = (level: string) => LEVELS.indexOf(level.toLowerCase());
  const known = new Map<string, number>();
  const least = (category: string): number => {
    const before = known.get(category);
    if (before !== undefined) return before;
    let found = levels['default'] ?? 'Information';
    let length = -1;
    for (const [prefix, level] of Object.entries(levels)) {
      if (prefix !== 'default' && category.startsWith(prefix) && prefix.length > length) {
        found = level;
        length = prefix.length;
      }
    }
    known.set(category, rank(found));
    return rank(found);
  };
  return (level, category, message) => {
    if (rank(level) < least(category) || rank(level) < 0) return;
    const now = new Date().toISOString();
    write(
      style === 'json'
        ? JSON.stringify({ time: now, level, category, message })
        : lineOf(now.slice(11, 23), level, category, message, style),
    );
  };
}

/** The format for this output: JSON unless it is a terminal; colours unless they are switched off (https://no-color.org). */
export function styleFor(
  output: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): LogStyle {
  if (!output.isTTY) return 'json';
  return environment['NO_COLOR'] ? 'lines' : 'colour';
}

type Colour = Parameters<typeof styleText>[0];
const COLOURS: Readonly<Record<string, Colour>> = {
  trace: 'gray',
  debug: 'gray',
  information: 'cyan',
  warning: 'yellow',
  error: 'red',
  critical: 'red',
};

/** `10:15:02.123  delivery-create  Succeeded  12 ms`: of a message of several lines only the first. */
function lineOf(time: string, level: string, category: string, message: string, style: LogStyle): string {
  const paint = (colour: Colour, text: string) =>
    style === 'colour' ? styleText(colour, text, { validateStream: false }) : text;
  const [first = ''] = stripVTControlCharacters(message).split('\n');
  const name = category.replace(/^Function\./, '').replace(/\.User$/, '');
  const executed = /^Executed 'Functions\.[^']*' \((\w+), Id=[^,]*, Duration=(\d+)ms\)(?:: )?(.*)$/.exec(
    first,
  );
  const [, outcome = '', took = '', rest = ''] = executed ?? [];
  const text = executed
    ? `${paint(outcome === 'Succeeded' ? 'green' : 'red', outcome)}  ${took} ms${rest ? `  ${rest}` : ''}`
    : first;
  return `${paint('gray', time)}  ${paint(COLOURS[level.toLowerCase()] ?? 'gray', name)}  ${text}`;
}
