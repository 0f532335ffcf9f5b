/** Parses tokens by recursive descent, and operators by binding power, loosest first. */
import type { Expression, From, OrderBy, Query, Select, SelectItem, Source } from './ast.ts';
import { BINARY, COMPARISON, RESERVED } from './grammar.ts';
import { lex, syntaxError, type Token } from './lexer.ts';

/** @throws CosmosError 400 if the text is not a query */
export function parse(text: string): Query {
  const parser = new Parser(text);
  const query = parser.query();
  parser.end();
  return query;
}

export function parseExpression(text: string): Expression {
  const parser = new Parser(text);
  const expression = parser.expression();
  parser.end();
  return expression;
}

/** `FROM c WHERE …`, the form of a patch condition. */
export function parseCondition(text: string): Query {
  return parse(/^\s*from\b/i.test(text) ? `SELECT VALUE 1 ${text}` : text);
}

class Parser {
  private readonly text: string;
  private readonly tokens: readonly Token[];
  private position = 0;
  private unnamed = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = lex(text);
  }

  private get next(): Token {
    return this.tokens[this.position] as Token;
  }

  private fail(): never {
    throw syntaxError(this.text, this.next.at);
  }

  private isWord(word: string, ahead = 0): boolean {
    const token = this.tokens[this.position + ahead];
    return token?.kind === 'name' && token.text.toUpperCase() === word;
  }

  private word(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.position++;
    return true;
  }

  private symbol(symbol: string): boolean {
    if (this.next.kind !== 'symbol' || this.next.text !== symbol) return false;
    this.position++;
    return true;
  }

  private expect(symbol: string): void {
    if (!this.symbol(symbol)) this.fail();
  }

  private expectWord(word: string): void {
    if (!this.word(word)) this.fail();
  }

  private name(): string {
    const token = this.next;
    if (token.kind !== 'name' || RESERVED.has(token.text.toUpperCase())) this.fail();
    this.position++;
    return token.text;
  }

  end(): void {
    if (this.next.kind !== 'end') this.fail();
  }

  query(): Query {
    this.expectWord('SELECT');
    const distinct = this.word('DISTINCT');
    const top = this.word('TOP') ? this.primary() : undefined;
    const select = this.select();
    const from = this.word('FROM') ? this.from() : [];
    const where = this.word('WHERE') ? this.expression() : undefined;
    const groupBy: Expression[] = [];
    if (this.word('GROUP')) {
      this.expectWord('BY');
      do groupBy.push(this.expression());
      while (this.symbol(','));
    }
    const orderBy = this.orderBy();
    let offset: Expression | undefined;
    let limit: Expression | undefined;
    if (this.word('OFFSET')) {
      offset = this.primary();
      this.expectWord('LIMIT');
      limit = this.primary();
    }
    return {
      select,
      distinct,
      from,
      groupBy,
      orderBy,
      ...(top ? { top } : {}),
      ...(where ? { where } : {}),
      ...(offset ? { offset } : {}),
      ...(limit ? { limit } : {}),
    };
  }

  private select(): Select {
    if (this.symbol('*')) return { kind: 'star' };
    if (this.word('VALUE')) return { kind: 'value', value: this.expression() };
    const items: SelectItem[] = [];
    do {
      const value = this.expression();
      const alias = this.word('AS')
        ? this.alias()
        : this.next.kind === 'name' && !this.isReserved()
          ? this.name()
          : nameOf(value);
      items.push({ value, alias: alias ?? `$${++this.unnamed}` });
    } while (this.symbol(','));
    return { kind: 'list', items };
  }

  private alias(): string {
    const token = this.next;
    if (token.kind === 'string') {
      this.position++;
      return String(token.value);
    }
    return this.name();
  }

  private isReserved(): boolean {
    return RESERVED.has(this.next.text.toUpperCase());
  }

  private from(): From[] {
    const list = [this.source(true)];
    while (this.word('JOIN')) list.push(this.source(false));
    return list;
  }

  private source(first: boolean): From {
    if (this.next.kind === 'name' && this.isWord('IN', 1)) {
      const alias = this.name();
      this.expectWord('IN');
      return { alias, source: this.collection(false), iterate: true };
    }
    const source = this.collection(first);
    this.word('AS');
    const named = this.next.kind === 'name' && !this.isReserved();
    const alias = named ? this.name() : source.kind === 'path' ? (nameOf(source.path) ?? 'root') : 'root';
    if (!named && source.kind === 'root') {
      const before = this.tokens[this.position - 1];
      return { alias: before?.kind === 'name' ? before.text : 'root', source, iterate: false };
    }
    return { alias, source, iterate: false };
  }

  private collection(first: boolean): Source {
    if (this.symbol('(')) {
      const query = this.query();
      this.expect(')');
      return { kind: 'subquery', query };
    }
    const name = this.name();
    const path = this.members({ kind: 'input', name });
    return first && path.kind === 'input' ? { kind: 'root' } : { kind: 'path', path };
  }

  private orderBy(): OrderBy[] {
    const list: OrderBy[] = [];
    if (!this.word('ORDER')) return list;
    this.expectWord('BY');
    do {
      const value = this.expression();
      const descending = this.word('DESC');
      if (!descending) this.word('ASC');
      list.push({ value, descending });
    } while (this.symbol(','));
    return list;
  }

  expression(): Expression {
    const test = this.binary(0);
    if (!this.symbol('?')) return test;
    const whenTrue = this.expression();
    this.expect(':');
    return { kind: 'conditional', test, whenTrue, whenFalse: this.expression() };
  }

  private operator(level: number): string | undefined {
    const token = this.next;
    const text = token.kind === 'name' ? token.text.toUpperCase() : token.text;
    if (token.kind !== 'symbol' && token.kind !== 'name') return undefined;
    return BINARY[level]?.includes(text) ? text : undefined;
  }

  private binary(level: number): Expression {
    if (level >= BINARY.length) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      if (level === COMPARISON) {
        const special = this.special(left);
        if (special) {
          left = special;
          continue;
        }
      }
      const op = this.operator(level);
      if (!op) return left;
      this.position++;
      left = { kind: 'binary', op, left, right: this.binary(level + 1) };
    }
  }

  /** BETWEEN, IN, LIKE and their negations. */
  private special(of: Expression): Expression | undefined {
    const negated = this.isWord('NOT') && ['IN', 'LIKE', 'BETWEEN'].some((word) => this.isWord(word, 1));
    if (negated) this.position++;
    const wrap = (expression: Expression): Expression =>
      negated ? { kind: 'unary', op: 'NOT', of: expression } : expression;
    if (this.word('BETWEEN')) {
      const low = this.binary(COMPARISON + 1);
      this.expectWord('AND');
      return wrap({ kind: 'between', of, low, high: this.binary(COMPARISON + 1) });
    }
    if (this.word('IN')) {
      this.expect('(');
      const list: Expression[] = [];
      do list.push(this.expression());
      while (this.symbol(','));
      this.expect(')');
      return wrap({ kind: 'in', of, list });
    }
    if (this.word('LIKE')) {
      const pattern = this.binary(COMPARISON + 1);
      const escape = this.word('ESCAPE') ? this.primary() : undefined;
      return wrap({ kind: 'like', of, pattern, ...(escape ? { escape } : {}) });
    }
    return undefined;
  }

  private unary(): Expression {
    for (const op of ['-', '+', '~']) {
      if (this.symbol(op)) return { kind: 'unary', op, of: this.unary() };
    }
    if (this.word('NOT')) return { kind: 'unary', op: 'NOT', of: this.binary(COMPARISON) };
    return this.members(this.primary());
  }

  private members(of: Expression): Expression {
    for (;;) {
      if (this.symbol('.')) {
        of = { kind: 'member', of, key: { kind: 'literal', value: this.name() } };
      } else if (this.symbol('[')) {
        of = { kind: 'member', of, key: this.expression() };
        this.expect(']');
      } else return of;
    }
  }

  private primary(): Expression {
    const token = this.next;
    if (token.kind === 'number' || token.kind === 'string') {
      this.position++;
      return { kind: 'literal', value: token.value };
    }
    if (token.kind === 'parameter') {
      this.position++;
      return { kind: 'parameter', name: token.text };
    }
    if (this.symbol('(')) return this.parenthesised();
    if (this.symbol('[')) return { kind: 'array', items: this.list(']') };
    if (this.symbol('{')) return this.object();
    if (token.kind !== 'name') this.fail();
    return this.named();
  }

  private parenthesised(): Expression {
    if (this.isWord('SELECT')) {
      const query = this.query();
      this.expect(')');
      return { kind: 'subquery', form: 'scalar', query };
    }
    const expression = this.expression();
    this.expect(')');
    return expression;
  }

  private list(close: string): Expression[] {
    const items: Expression[] = [];
    if (this.symbol(close)) return items;
    do items.push(this.expression());
    while (this.symbol(','));
    this.expect(close);
    return items;
  }

  private object(): Expression {
    const fields: { name: string; value: Expression }[] = [];
    if (this.symbol('}')) return { kind: 'object', fields };
    do {
      const token = this.next;
      if (token.kind !== 'string' && token.kind !== 'name') this.fail();
      this.position++;
      this.expect(':');
      fields.push({
        name: token.kind === 'string' ? String(token.value) : token.text,
        value: this.expression(),
      });
    } while (this.symbol(','));
    this.expect('}');
    return { kind: 'object', fields };
  }

  private named(): Expression {
    if (this.word('TRUE')) return { kind: 'literal', value: true };
    if (this.word('FALSE')) return { kind: 'literal', value: false };
    if (this.word('NULL')) return { kind: 'literal', value: null };
    if (this.word('UNDEFINED')) return { kind: 'undefined' };
    if (this.isWord('EXISTS') || this.isWord('ARRAY')) {
      const form = this.isWord('EXISTS') ? 'exists' : 'array';
      this.position++;
      this.expect('(');
      const query = this.query();
      this.expect(')');
      return { kind: 'subquery', form, query };
    }
    if (this.isWord('UDF')) {
      this.position++;
      this.expect('.');
      return this.call(`udf.${this.name()}`);
    }
    const name = this.name();
    if (this.next.kind === 'symbol' && this.next.text === '(') return this.call(name.toUpperCase());
    return { kind: 'input', name };
  }

  private call(name: string): Expression {
    this.expect('(');
    return { kind: 'call', name, args: this.list(')') };
  }
}

function nameOf(expression: Expression): string | undefined {
  if (expression.kind === 'input') return expression.name;
  if (expression.kind === 'member' && expression.key.kind === 'literal') {
    return typeof expression.key.value === 'string' ? expression.key.value : undefined;
  }
  return undefined;
}
