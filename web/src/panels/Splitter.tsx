// A draggable edge between two parts of the window. A double click resets it, arrow keys move it.

import type { Choices } from "../model/state";
import { useModel, useSelect } from "./use";

type Edge = "left" | "right" | "dock";

const RANGE: Record<Edge, { least: number; most: number; usual: number; name: string }> = {
  left: { least: 180, most: 560, usual: 268, name: "Width of the workspace" },
  right: { least: 240, most: 760, usual: 384, name: "Width of stack and variables" },
  dock: { least: 80, most: 640, usual: 237, name: "Height of console and terminal" },
};

export function Splitter(props: { edge: Edge }) {
  const model = useModel();
  const size = useSelect((state) => state.choices[props.edge]);
  const range = () => RANGE[props.edge];
  const clamp = (value: number) => Math.round(Math.max(range().least, Math.min(range().most, value)));
  const set = (value: number, keep: boolean) => {
    const change: Partial<Choices> = { [props.edge]: clamp(value) };
    if (keep) model.choose(change);
    else model.store.dispatch({ type: "choices", change });
  };
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    const from = props.edge === "dock" ? event.clientY : event.clientX;
    const before = size();
    const sign = props.edge === "left" ? 1 : -1;
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("drag");
    const move = (now: PointerEvent) =>
      set(before + sign * ((props.edge === "dock" ? now.clientY : now.clientX) - from), false);
    const end = () => {
      handle.classList.remove("drag");
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", end);
      if (size() !== before) set(size(), true);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    event.preventDefault();
  };
  const keys = (event: KeyboardEvent) => {
    const grow = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (grow === undefined) return;
    event.preventDefault();
    const sign = props.edge === "right" ? -1 : 1;
    set(size() + grow * sign * 16, true);
  };
  return (
    <div
      class={`split ${props.edge === "dock" ? "h" : "v"}`}
      role="separator"
      aria-label={range().name}
      aria-orientation={props.edge === "dock" ? "horizontal" : "vertical"}
      aria-valuenow={size()}
      aria-valuemin={range().least}
      aria-valuemax={range().most}
      tabindex="0"
      onPointerDown={drag}
      onDblClick={() => set(range().usual, true)}
      onKeyDown={keys}
    />
  );
}
