// One icon. It says nothing by itself: the control it stands in has the name.

import { Show } from "solid-js";
import { type Drawing, ICONS, type IconName } from "./icons";

export function Icon(props: { name: IconName; class?: string }) {
  const drawing = (): Drawing => ICONS[props.name];
  return (
    <svg
      class={props.class ?? "i16"}
      viewBox={`0 0 ${drawing().grid ?? 16} ${drawing().grid ?? 16}`}
      aria-hidden="true"
    >
      <Show when={drawing().solid}>{(d) => <path class="solid" d={d()} />}</Show>
      <Show when={drawing().lines}>{(d) => <path d={d()} />}</Show>
      <Show when={drawing().cut}>{(d) => <path class="cut-bars" d={d()} />}</Show>
      <Show when={drawing().dashed}>{(d) => <path d={d()} stroke-linecap="butt" stroke-dasharray="2.7 2.3" />}</Show>
    </svg>
  );
}

const SVG = "http://www.w3.org/2000/svg";

/** The same outside of a component tree, for the gutter. */
export function iconElement(name: IconName, className: string): SVGElement {
  const drawing: Drawing = ICONS[name];
  const svg = document.createElementNS(SVG, "svg");
  const grid = drawing.grid ?? 16;
  svg.setAttribute("viewBox", `0 0 ${grid} ${grid}`);
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const add = (d: string | undefined, className_: string, dashed = false) => {
    if (d === undefined) return;
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    if (className_ !== "") path.setAttribute("class", className_);
    if (dashed) path.setAttribute("stroke-dasharray", "2.7 2.3");
    svg.append(path);
  };
  add(drawing.solid, "solid");
  add(drawing.lines, "");
  add(drawing.cut, "cut-bars");
  add(drawing.dashed, "", true);
  return svg;
}
