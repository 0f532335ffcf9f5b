/** Draws boundaries.ts as Mermaid: the folders, and the floors of shared/. */
import { ROOMS } from '../../boundaries.ts';
import { refusalOfPackage } from './rooms.ts';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Rooms that are left out: they import everything, and nothing else imports them. */
const ASIDE: ReadonlySet<string> = new Set(['tests', 'local/tests', 'scripts']);

/** The folders at the top; a dotted line is an import of the package `azure-local`. */
export function folders(): string {
  const graph = graphOf(({ name }) => name.split('/')[0]);
  const servers = [...graph.keys()].filter(
    (folder) => folder !== 'local' && !refusalOfPackage(`${folder}/a.ts`, 'azure-local/process', false),
  );
  return mermaid(
    graph,
    servers.map((folder) => `  ${folder} -.-> local`),
  );
}

/** The rooms of shared/, each above the ones that it imports. */
export function floors(): string {
  const inside = (name: string) => (name.startsWith('shared') ? name : undefined);
  return mermaid(graphOf(({ name }) => inside(name)));
}

function graphOf(nodeOf: (room: { readonly name: string }) => string | undefined): Graph {
  const graph = new Map<string, Set<string>>();
  for (const room of ROOMS) {
    const from = ASIDE.has(room.name) ? undefined : nodeOf(room);
    if (from === undefined) continue;
    const targets = graph.get(from) ?? new Set();
    graph.set(from, targets);
    for (const name of room.imports) {
      const to = nodeOf({ name });
      if (to !== undefined && to !== from) targets.add(to);
    }
  }
  return graph;
}

function mermaid(graph: Graph, more: readonly string[] = []): string {
  const nodes = [...graph.keys()].map((name) => `  ${idOf(name)}["${name}"]`);
  const edges = [...graph].flatMap(([from, targets]) =>
    [...targets]
      .filter((to) => ![...targets].some((other) => other !== to && reaches(graph, other, to)))
      .map((to) => `  ${idOf(from)} --> ${idOf(to)}`),
  );
  return ['```mermaid', 'flowchart TD', ...nodes, ...edges, ...more, '```'].join('\n');
}

function reaches(graph: Graph, from: string, to: string): boolean {
  return [...(graph.get(from) ?? [])].some((next) => next === to || reaches(graph, next, to));
}

function idOf(name: string): string {
  return name.replaceAll(/\W/g, '_');
}
