/** The current time, updated as often as a person would look at the clock. */
import { useEffect, useState } from 'preact/hooks';

export function useNow(everyMs = 500): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
