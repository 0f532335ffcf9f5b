/** Spans of the Function App: recorded from its start, and sent to the last one before its end. */

import { app } from '@azure/functions';
import type { TokenCredential } from '@azure/identity';
import type { Settings } from '../shared/config/settings.ts';
import { exportSpans } from '../shared/telemetry/export-spans.ts';

export function registerSpanExport(settings: Settings, credential: () => TokenCredential): void {
  let spans: AsyncDisposable | undefined;
  app.hook.appStart(async () => {
    spans = await exportSpans('functions', settings, credential);
  });
  app.hook.appTerminate(async () => {
    await spans?.[Symbol.asyncDispose]();
  });
}
