// The keyboard of the window: finds the command of a key and runs it, before anything else gets the key.

import { onCleanup, onMount } from "solid-js";
import type { Model } from "../model/model";
import { COMMANDS, type Command } from "./commands";
import type { Ui } from "./ui";

/** "Ctrl-Shift-F5"; the command key of a Mac counts as Ctrl. */
export function nameOf(event: KeyboardEvent): string {
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey) parts.push("Shift");
  parts.push(event.key.length === 1 ? event.key.toUpperCase() : event.key);
  return parts.join("-");
}

function inText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(".term") !== null;
}

export function useKeys(model: Model, ui: Ui): void {
  const byKey = new Map<string, Command>();
  for (const command of COMMANDS) for (const key of command.keys) byKey.set(key, command);
  const listener = (event: KeyboardEvent) => {
    const command = byKey.get(nameOf(event));
    if (command === undefined || (command.notInText && inText(event.target))) return;
    // The browser's own meaning (reload, full screen) would lose the program's place.
    event.preventDefault();
    event.stopPropagation();
    if (command.unless(model.store.get()) === null) command.run(model, ui);
  };
  onMount(() => addEventListener("keydown", listener, true));
  onCleanup(() => removeEventListener("keydown", listener, true));
}
