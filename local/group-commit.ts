/**
 * Lets writes to SQLite share transactions: all writes that wait when a transaction begins go into it.
 *
 * W1 A write resolves after its transaction is on disk.
 * W2 Each write is a separate savepoint: one that throws leaves nothing behind, the others stay.
 * W3 A lazy write resolves once it survives the process, but not yet the machine: it is on disk with the next write that is not lazy.
 * W4 A write that comes after the end is rejected.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openDatabase } from './database-file.ts';

interface Waiting {
  readonly run: () => unknown;
  readonly isLazy: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Called within or around each transaction. */
interface Hooks {
  /** It has begun: no other process writes until its end. */
  readonly begun?: () => void;
  /** After its writes; throws to roll them all back. */
  readonly beforeCommit?: () => void;
  /** It is on disk. */
  readonly committed?: () => void;
  /** Writes in it were rolled back. */
  readonly rolledBack?: () => void;
}

export class GroupCommit implements Disposable {
  readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly hooks: Hooks;
  private queue: Waiting[] = [];
  private scheduled = false;
  private isLazy = false;
  private readonly repeatable: boolean;

  /**
   * `schema` is run at once.
   * `repeatable`: a write that was rolled back may be run again, it changes nothing but the database. @throws Error as `openDatabase` does
   */
  constructor(file: string, schema: string, hooks: Hooks = {}, repeatable = false) {
    this.repeatable = repeatable;
    this.database = openDatabase(
      file,
      `PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`,
    );
    this.hooks = hooks;
  }

  /** A statement that is prepared once. */
  sql(text: string): StatementSync {
    let statement = this.statements.get(text);
    if (!statement) {
      statement = this.database.prepare(text);
      this.statements.set(text, statement);
    }
    return statement;
  }

  write<T>(work: () => T, isLazy = false): Promise<T> {
    if (!this.database.isOpen) return Promise.reject(new Error('the database is closed'));
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ run: work, isLazy, resolve: resolve as (value: unknown) => void, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(() => this.flush());
    });
  }

  private flush(): void {
    this.scheduled = false;
    const group = this.queue;
    this.queue = [];
    if (group.length === 0) return;
    try {
      this.syncFor(group);
      const settled = (this.repeatable && this.together(group)) || this.oneByOne(group);
      for (const settle of settled) settle();
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      this.hooks.rolledBack?.();
      for (const { reject } of group) reject(error);
    }
  }

  /** Writes without savepoints, which would copy every touched page; undefined, and nothing is written, when one of them throws. */
  private together(group: readonly Waiting[]): (() => void)[] | undefined {
    this.begin();
    const settled: (() => void)[] = [];
    try {
      for (const { run, resolve } of group) {
        const value = run();
        settled.push(() => resolve(value));
      }
    } catch (error) {
      // A full disk rolls the transaction back by itself; trying each write alone would not help.
      if (!this.database.isTransaction) throw error;
      this.database.exec('ROLLBACK');
      this.hooks.rolledBack?.();
      return undefined;
    }
    this.commit();
    return settled;
  }

  private oneByOne(group: readonly Waiting[]): (() => void)[] {
    const settled: (() => void)[] = [];
    this.begin();
    for (const { run, resolve, reject } of group) {
      this.sql('SAVEPOINT one').run();
      try {
        const value = run();
        this.sql('RELEASE one').run();
        settled.push(() => resolve(value));
      } catch (error) {
        if (!this.database.isTransaction) throw error;
        this.database.exec('ROLLBACK TO one; RELEASE one');
        this.hooks.rolledBack?.();
        settled.push(() => reject(error));
      }
    }
    this.commit();
    return settled;
  }

  private begin(): void {
    this.sql('BEGIN IMMEDIATE').run();
    this.hooks.begun?.();
  }

  private commit(): void {
    this.hooks.beforeCommit?.();
    this.sql('COMMIT').run();
    this.hooks.committed?.();
  }

  /** In WAL mode NORMAL writes without waiting for the disk; the sync of a later FULL covers it. */
  private syncFor(group: readonly Waiting[]): void {
    const isLazy = group.every((each) => each.isLazy);
    if (isLazy === this.isLazy) return;
    this.database.exec(`PRAGMA synchronous = ${isLazy ? 'NORMAL' : 'FULL'}`);
    this.isLazy = isLazy;
  }

  [Symbol.dispose](): void {
    this.flush();
    this.database.close();
  }
}
