// The menu of how the program stops and steps, at the run bar and at the call stack.

import type { Model } from "../model/model";
import { command, keyName } from "./commands";
import type { MenuItem, Ui } from "./ui";

/** A command as an item of a menu; what is switched on and off is named by what is on. */
export function commandItem(model: Model, ui: Ui, id: string, label?: string): MenuItem {
  const state = model.store.get();
  const { title, keys, isOn, unless, run } = command(id);
  const [key] = keys;
  const shown = key === undefined ? {} : { keys: keyName(key) };
  const checked = isOn === undefined ? {} : { checked: isOn(state) };
  const disabled = unless(state) !== null;
  return { label: label ?? title, ...shown, ...checked, disabled, run: () => run(model, ui) };
}

export function steppingItems(model: Model, ui: Ui): MenuItem[] {
  const item = (id: string, label?: string) => commandItem(model, ui, id, label);
  return [
    item("intoAnyway"),
    item("nextThread"),
    item("continueAll"),
    "line",
    item("justMyCode", "Just my code"),
    item("stopPolicy", "Stop only the thread that hits"),
    item("forgetRules"),
  ];
}
