// The menu of how the program stops and steps, at the run bar and at the call stack.

import type { Model } from "../model/model";
import { command, keyName } from "./commands";
import type { MenuItem, Ui } from "./ui";

export function steppingItems(model: Model, ui: Ui): MenuItem[] {
  const state = model.store.get();
  const item = (id: string, label?: string): MenuItem => {
    const { title, keys, isOn, unless, run } = command(id);
    const [key] = keys;
    const shown = key === undefined ? {} : { keys: keyName(key) };
    const checked = isOn === undefined ? {} : { checked: isOn(state) };
    const disabled = unless(state) !== null;
    return { label: label ?? title, ...shown, ...checked, disabled, run: () => run(model, ui) };
  };
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
