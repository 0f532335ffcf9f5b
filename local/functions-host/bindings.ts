/**
 * Reports the bindings and settings that this host does not support, at the start and to the invocation that needs them: nothing is
 * ignored silently.
 *
 * N1 A function whose trigger is not supported is in error, and is not started.
 * N2 An input that is not supported fails every invocation of its function, because the real host would have filled it.
 * N3 An output that is not supported fails the invocations that set it.
 * N4 Settings of host.json that would change results, but are not honoured, are named.
 */
import type { Binding, FunctionDefinition, InvocationResult } from './contract.ts';
import type { HostConfig } from './settings.ts';

const TRIGGERS = /^(http|eventhub|cosmosdb|timer|orchestration|activity|entity)trigger$/i;
const INPUTS = /^durableclient$/i;
const OUTPUTS = /^http$/i;
const RETURN = '$return';

const isTrigger = ({ type }: Binding) => /trigger$/i.test(type);
const inputsOf = ({ bindings }: FunctionDefinition) =>
  bindings.filter((each) => each.direction === 'in' && !isTrigger(each) && !INPUTS.test(each.type));
const outputsOf = ({ bindings }: FunctionDefinition) =>
  bindings.filter((each) => each.direction !== 'in' && !isTrigger(each) && !OUTPUTS.test(each.type));

/** One line for each function that is in error, or whose bindings are not all supported. */
export function unsupportedBindings(definitions: readonly FunctionDefinition[]): string[] {
  return definitions.flatMap((definition) => {
    const { name, trigger } = definition;
    if (!TRIGGERS.test(trigger.type))
      return [`The '${name}' function is in error: ${trigger.type} is not supported by this host.`];
    return [
      ...inputsOf(definition).map(
        ({ type }) => `The '${name}' function fails: its input ${type} is not supported by this host.`,
      ),
      ...outputsOf(definition).map(
        ({ type }) =>
          `The '${name}' function fails when it sets its output ${type}, which is not supported by this host.`,
      ),
    ];
  });
}

/** The reason why no invocation of the function can succeed; undefined for most functions. */
export function missingInput(definition: FunctionDefinition): Error | undefined {
  const [input] = inputsOf(definition);
  return input && new Error(`the input ${input.name} (${input.type}) is not supported by this host`);
}

/** Names and types of the outputs that fail an invocation when they are set. */
export function unwritableOutputs(definition: FunctionDefinition): ReadonlyMap<string, string> {
  return new Map(outputsOf(definition).map(({ name, type }) => [name, type]));
}

/** The result, or a failure if it sets an output that cannot be written. */
export function checkedOutputs(
  result: InvocationResult,
  unwritable: ReadonlyMap<string, string>,
): InvocationResult {
  if (!result.ok || unwritable.size === 0) return result;
  const isReturned = result.returnValue !== undefined && result.returnValue !== null;
  const names = [...result.outputs.map(({ name }) => name), ...(isReturned ? [RETURN] : [])];
  const lost = names.find((name) => unwritable.has(name));
  if (lost === undefined) return result;
  const error = new Error(
    `the output ${lost} (${unwritable.get(lost)}) is not supported by this host: it was not written`,
  );
  return { ok: false, error };
}

/** Settings of an extension that this host honours, and those that make no difference on one machine. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  http: [
    'routePrefix',
    'customHeaders',
    'maxOutstandingRequests',
    'maxConcurrentRequests',
    'dynamicThrottlesEnabled',
  ],
  eventHubs: [
    'maxEventBatchSize',
    'initialOffsetOptions',
    'prefetchCount',
    'transportType',
    'clientRetryOptions',
    'maxWaitTime',
    'targetUnprocessedEventThreshold',
  ],
  cosmosDB: ['connectionMode', 'protocol', 'userAgentSuffix'],
  durableTask: [
    'hubName',
    'maxConcurrentActivityFunctions',
    'maxConcurrentOrchestratorFunctions',
    'maxConcurrentEntityFunctions',
    'storageProvider',
    'tracing',
    'useGracefulShutdown',
    'extendedSessionsEnabled',
    'extendedSessionIdleTimeoutInSeconds',
    'useAppLease',
    'localRpcEndpointEnabled',
  ],
};

/** One line for each setting of host.json that would change the app's behaviour, but has no effect here. */
export function unsupportedSettings({ extensions = {}, ...rest }: HostConfig): string[] {
  const isWithin = (extension: string, name: string) =>
    Object.entries(SETTINGS).some(
      ([known, names]) => known.toLowerCase() === extension.toLowerCase() && names.includes(name),
    );
  const names = Object.entries(extensions).flatMap(([extension, settings]) =>
    Object.keys(Object(settings) as object)
      .filter((name) => !isWithin(extension, name))
      .map((name) => `extensions.${extension}.${name}`),
  );
  if ('retry' in rest) names.push('retry');
  if ('customHandler' in rest) names.push('customHandler');
  return names.map((name) => `host.json: ${name} is not supported by this host.`);
}
