/** The host's log: one JSON line each, by category and level, as host.json's `logging.logLevel` asks for. */

export type HostLog = (level: string, category: string, message: string) => void;

const LEVELS = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'];

/** The longest category prefix that host.json names decides; default Information. */
export function createHostLog(
  levels: Readonly<Record<string, string>>,
  write: (line: string) => void,
): HostLog {
  const rank = (level: string) => LEVELS.indexOf(level.toLowerCase());
  const least = (category: string): number => {
    let found = levels['default'] ?? 'Information';
    let length = -1;
    for (const [prefix, level] of Object.entries(levels)) {
      if (prefix !== 'default' && category.startsWith(prefix) && prefix.length > length) {
        found = level;
        length = prefix.length;
      }
    }
    return rank(found);
  };
  return (level, category, message) => {
    if (rank(level) < least(category) || rank(level) < 0) return;
    write(JSON.stringify({ time: new Date().toISOString(), level, category, message }));
  };
}
