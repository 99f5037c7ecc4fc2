// Paths and documents: names for people, keys for the state.

import type { DocumentKey } from "./state";

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The path as the user thinks of it: below the workspace without it. */
export function shortPath(path: string, workspace: string | null): string {
  return workspace !== null && path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : path;
}

export function inWorkspace(path: string, workspace: string | null): boolean {
  return workspace !== null && path.startsWith(`${workspace}/`);
}

export function documentKey(session: number, path: string, sourceId: number): DocumentKey {
  return sourceId > 0 ? `ref:${session}:${sourceId}` : path;
}

/** The reference in a key of a text that only the runtime has. */
export function sourceIdOf(key: DocumentKey): { session: number; id: number } | null {
  const match = /^ref:(\d+):(\d+)$/.exec(key);
  return match === null ? null : { session: Number(match[1]), id: Number(match[2]) };
}

/** "reports.py:42". */
export function place(path: string, line: number): string {
  return `${baseName(path)}:${line}`;
}
