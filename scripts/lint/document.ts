/** Puts the graphs of boundaries.ts between the marks of docs/architecture.md. */
import { floors, folders } from './graph.ts';

/** The document with the graphs of today. */
export function drawn(document: string): string {
  return between(between(document, 'folders', folders()), 'floors', floors());
}

function between(document: string, mark: string, graph: string): string {
  const [start, end] = [`<!-- ${mark}: made by scripts/architecture.ts -->`, `<!-- end of ${mark} -->`];
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`docs/architecture.md has no marks for ${mark}`);
  return `${document.slice(0, from + start.length)}\n${graph}\n${document.slice(to)}`;
}
