/** Makes the management URLs of an instance and the `durableClient` binding (extension: HttpApiHandler.cs, BindingHelper.cs). */
import type { DurableOptions } from '../functions-host/contract.ts';

const PREFIX = '/runtime/webhooks/durabletask';
const CONNECTION = 'Storage';

function required(options: DurableOptions): string {
  return `taskHub=${options.taskHub}&connection=${CONNECTION}&code=${encodeURIComponent(options.systemKey)}`;
}

/** Only the in-process client's URLs contain `rewindPostUri`. */
export function managementUrls(
  options: DurableOptions,
  id: string,
  withRewind: boolean,
): Record<string, string> {
  const at = `${options.origin}${PREFIX}/instances/${encodeURIComponent(id)}`;
  const query = required(options);
  return {
    id,
    statusQueryGetUri: `${at}?${query}`,
    sendEventPostUri: `${at}/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${at}/terminate?reason={text}&${query}`,
    ...(withRewind ? { rewindPostUri: `${at}/rewind?reason={text}&${query}` } : {}),
    purgeHistoryDeleteUri: `${at}?${query}`,
    restartPostUri: `${at}/restart?${query}`,
    suspendPostUri: `${at}/suspend?reason={text}&${query}`,
    resumePostUri: `${at}/resume?reason={text}&${query}`,
  };
}

/** JSON of the input binding that `df.getClient` reads. */
export function clientBinding(options: DurableOptions): string {
  const create = `${options.origin}${PREFIX}/orchestrators/{functionName}[/{instanceId}]`;
  const query = required(options);
  return JSON.stringify({
    taskHubName: options.taskHub,
    creationUrls: {
      createNewInstancePostUri: `${create}?${query}`,
      createAndWaitOnNewInstancePostUri: `${create}?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${query}`,
    },
    managementUrls: managementUrls(options, 'INSTANCEID', true),
    baseUrl: `${options.origin}${PREFIX}`,
    requiredQueryStringParameters: `code=${encodeURIComponent(options.systemKey)}`,
    rpcBaseUrl: options.rpcBaseUrl,
  });
}
