// Whom a breakpoint stops, as a choice in its menus.

import type { Model } from "../model/model";
import { currentSession } from "../model/selectors";
import type { Wish } from "../socket/generated/Wish";
import type { MenuItem } from "./ui";

export function policyItems(model: Model, wish: Wish): MenuItem[] {
  const info = currentSession(model.store.get());
  // What nobody said that it can be done is not offered; but what is set can be taken back.
  const can = info?.capabilities === undefined || info.capabilities.ikpdb?.options === true;
  if (wish.owner !== undefined || wish.logMessage || (!can && wish.stopPolicy === undefined)) return [];
  const now = wish.stopPolicy ?? "session";
  const choice = (stopPolicy: typeof now, label: string): MenuItem => ({
    label,
    checked: now === stopPolicy,
    oneOf: true,
    run: () => model.breakpoints.change({ id: wish.id, stopPolicy }),
  });
  const whole = info?.options.stopPolicy === "thread" ? "only its thread" : "every thread";
  return [
    "line",
    choice("session", `Stops as the whole program does: ${whole}`),
    choice("all", "Stops every thread"),
    choice("thread", "Stops only the thread that hits"),
  ];
}
