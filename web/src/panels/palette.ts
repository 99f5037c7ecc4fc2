// What the dialogs find: how well a text fits what was typed, and the commands that do.

import type { State } from "../model/state";
import { COMMANDS, type Command } from "./commands";

/** How well the letters of `query` fit into `text`, in order; -1 if they do not. */
export function fits(text: string, query: string): number {
  const where = text.toLowerCase();
  let at = 0;
  let score = 0;
  for (const letter of query.toLowerCase().replaceAll(" ", "")) {
    const found = where.indexOf(letter, at);
    if (found < 0) return -1;
    score += found === at ? 2 : /[^a-z]/.test(where[found - 1] ?? " ") ? 1 : 0;
    at = found + 1;
  }
  return score;
}

/** A command, and why it cannot be done now. */
export interface FoundCommand {
  command: Command;
  unless: string | null;
}

/** The commands that fit: first those that can be done now, of them first what fits best. */
export function findCommands(query: string, state: State): FoundCommand[] {
  const isDisabled = (one: FoundCommand): number => (one.unless === null ? 0 : 1);
  return COMMANDS.map((command) => ({ command, unless: command.unless(state), score: fits(command.title, query) }))
    .filter(({ score }) => score >= 0)
    .sort((a, b) => isDisabled(a) - isDisabled(b) || b.score - a.score);
}
