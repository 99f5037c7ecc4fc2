// What reaches a user who looks elsewhere: the page's title, its icon, and a notification when a hidden tab stops.

import { createEffect, on } from "solid-js";
import type { Model } from "../model/model";
import type { Phase } from "../model/selectors";
import { plain } from "../model/sentence";
import { useSentence } from "./StatusSentence";
import { useModel, useSelect } from "./use";

const COLOURS: Record<Phase, string> = {
  connecting: "#8b93a1",
  refused: "#8b93a1",
  away: "#8b93a1",
  none: "#8b93a1",
  ended: "#8b93a1",
  starting: "#2fae6b",
  running: "#2fae6b",
  stopped: "#f4bd50",
  exception: "#e5534e",
};

/** Told apart by shape as well: an arrow when stopped, a triangle on an exception, a ring that is open when running. */
const SHAPES: Record<"arrow" | "triangle" | "ring" | "dashed", string> = {
  arrow: '<path d="M3 4h14l11 12-11 12H3z" fill="C"/>',
  triangle: '<path d="M16 3 30 28H2z" fill="C"/><path d="M16 12v8M16 24v.5" stroke="#fff" stroke-width="3"/>',
  ring: '<circle cx="16" cy="16" r="11" fill="none" stroke="C" stroke-width="6" stroke-dasharray="52 17"/>',
  dashed: '<circle cx="16" cy="16" r="11" fill="none" stroke="C" stroke-width="4" stroke-dasharray="7 5"/>',
};

function shape(phase: Phase): string {
  if (phase === "stopped") return SHAPES.arrow;
  if (phase === "exception") return SHAPES.triangle;
  return phase === "running" || phase === "starting" ? SHAPES.ring : SHAPES.dashed;
}

function iconOf(phase: Phase): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${shape(phase)}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replaceAll('"C"', `"${COLOURS[phase]}"`))}`;
}

/** Turns notifications on, asking the browser for leave, or off. */
export async function askToNotify(model: Model): Promise<void> {
  const { notify } = model.store.get().choices;
  if (globalThis.Notification === undefined) {
    const text = "This browser shows notifications on https and localhost only.";
    model.store.dispatch({ type: "toast", toast: { tone: "info", text, action: null } });
    return;
  }
  if (Notification.permission === "granted") {
    model.choose({ notify: !notify });
    return;
  }
  const granted = (await Notification.requestPermission()) === "granted";
  model.choose({ notify: granted });
  if (granted) return;
  const text = "The browser does not allow notifications from this page.";
  model.store.dispatch({ type: "toast", toast: { tone: "info", text, action: null } });
}

export function useAttention(): void {
  const model = useModel();
  const says = useSentence();
  const workspace = useSelect((state) => state.workspace?.name ?? "");
  createEffect(() => {
    document.title = [says().short, workspace(), "IKPdb"].filter((part) => part !== "").join(" – ");
  });
  createEffect(() => {
    document.documentElement.dataset.phase = says().phase;
    document.querySelector<HTMLLinkElement>("link[rel=icon]")?.setAttribute("href", iconOf(says().phase));
  });
  const stop = useSelect((state) => state.stop?.number ?? 0);
  createEffect(
    on(
      stop,
      (number) => {
        if (number === 0 || !document.hidden || !model.store.get().choices.notify) return;
        if (globalThis.Notification?.permission !== "granted") return;
        const notification = new Notification(plain(says().main), { body: plain(says().why), tag: "ikpdb-stop" });
        notification.onclick = () => {
          focus();
          notification.close();
        };
      },
      { defer: true },
    ),
  );
}
