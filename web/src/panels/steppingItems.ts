// The menu of how the program stops and steps, at the run bar and at the call stack.

import type { Model } from "../model/model";
import { currentSession } from "../model/selectors";
import { command, keyName } from "./commands";
import type { MenuItem, Ui } from "./ui";

export function steppingItems(model: Model, ui: Ui): MenuItem[] {
  const state = model.store.get();
  const options = currentSession(state)?.options;
  const item = (id: string, more: { label?: string; checked?: boolean } = {}): MenuItem => {
    const { title, keys, unless, run } = command(id);
    const [key] = keys;
    const shown = key === undefined ? {} : { keys: keyName(key) };
    return { label: title, ...shown, disabled: unless(state) !== null, ...more, run: () => run(model, ui) };
  };
  return [
    item("intoAnyway"),
    item("nextThread"),
    item("continueAll"),
    "line",
    item("justMyCode", { label: "Just my code", checked: options?.justMyCode === true }),
    item("stopPolicy", { label: "Stop only the thread that hits", checked: options?.stopPolicy === "thread" }),
    item("forgetRules"),
  ];
}
