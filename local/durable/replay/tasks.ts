/** The tree of tasks that an orchestrator waits for: an action is a task, and a compound action (all, any) is a task with children. */

export interface Task {
  isDone: boolean;
  hasFailed: boolean;
  /** Whether it is an activity or a child with a retry policy. */
  isRetrying: boolean;
  readonly parent: Task | undefined;
  /** Called when a child has ended. */
  readonly check: (() => void) | undefined;
}

export function createTask(parent: Task | undefined, check?: () => void): Task {
  return { isDone: false, hasFailed: false, isRetrying: false, parent, check };
}

/** Ends a task once, and its parent if that completes the parent. */
export function finish(task: Task, failed = false): void {
  if (task.isDone) return;
  task.isDone = true;
  task.hasFailed = failed;
  task.parent?.check?.();
}

/**
 * A task over `count` others, which are added to `children` as they begin. `any` ends with the first; `all` waits for all, unless one failed
 * while another retries: there the library has already gone on.
 */
export function createCompound(
  parent: Task | undefined,
  { isAny, count }: { readonly isAny: boolean; readonly count: number },
): { readonly task: Task; readonly children: Task[] } {
  const children: Task[] = [];
  const task = createTask(parent, () => {
    if (children.length < count) return;
    const hasEnded = isAny ? children.some(({ isDone }) => isDone) : allEnded(children);
    if (hasEnded) finish(task, !isAny && children.some(({ hasFailed }) => hasFailed));
  });
  return { task, children };
}

function allEnded(children: readonly Task[]): boolean {
  if (children.every(({ isDone }) => isDone)) return true;
  return (
    children.some(({ hasFailed }) => hasFailed) &&
    children.some(({ isDone, isRetrying }) => !isDone && isRetrying)
  );
}
