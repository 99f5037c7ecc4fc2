// What the source view shows over the text: marks, the program's place, inline values, widgets. The panel hands it over
// in one piece; the gutters and decorations are made from it.

import { type EditorState, type Range, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  GutterMarker,
  gutterLineClass,
  WidgetType,
} from "@codemirror/view";
import type { Mark, Pointer } from "../../model/selectors";

export interface InlineValue {
  name: string;
  value: string;
  changed: boolean;
}

/** A block below a line, filled by the panel. */
export interface BlockWidget {
  line: number;
  host: HTMLElement;
}

export interface Shown {
  marks: Map<number, Mark>;
  pointers: Pointer[];
  inline: Map<number, InlineValue[]>;
  widgets: BlockWidget[];
}

const NOTHING: Shown = { marks: new Map(), pointers: [], inline: new Map(), widgets: [] };

export const show = StateEffect.define<Shown>();
/** What the pointer rests on. */
export const highlightHover = StateEffect.define<{ from: number; to: number } | null>();

class LineClass extends GutterMarker {
  constructor(override readonly elementClass: string) {
    super();
  }
}

const LINE_CLASS = {
  top: new LineClass("at-top"),
  frame: new LineClass("at-frame"),
  exception: new LineClass("at-exception"),
};

class InlineWidget extends WidgetType {
  constructor(private readonly values: InlineValue[]) {
    super();
  }

  override eq(other: InlineWidget): boolean {
    return JSON.stringify(other.values) === JSON.stringify(this.values);
  }

  toDOM(): HTMLElement {
    const host = document.createElement("span");
    host.className = "iv";
    host.dataset.testid = "inline-value";
    for (const { name, value, changed } of this.values) {
      const one = document.createElement("span");
      one.textContent = `${name} = ${value}`;
      if (changed) one.className = "chg";
      host.append(one);
    }
    return host;
  }
}

class HostWidget extends WidgetType {
  constructor(private readonly host: HTMLElement) {
    super();
  }

  override eq(other: HostWidget): boolean {
    return other.host === this.host;
  }

  toDOM(): HTMLElement {
    return this.host;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

interface Drawn {
  shown: Shown;
  decorations: DecorationSet;
  gutter: RangeSet<GutterMarker>;
}

function draw(state: EditorState, shown: Shown): Drawn {
  const ranges: Range<Decoration>[] = [];
  const gutter: Range<GutterMarker>[] = [];
  const valid = (line: number) => line >= 1 && line <= state.doc.lines;
  for (const { line, kind } of shown.pointers) {
    if (!valid(line)) continue;
    const { from } = state.doc.line(line);
    ranges.push(Decoration.line({ class: `at-${kind}` }).range(from));
    gutter.push(LINE_CLASS[kind].range(from));
  }
  for (const [line, values] of shown.inline) {
    if (!valid(line) || values.length === 0) continue;
    ranges.push(Decoration.widget({ widget: new InlineWidget(values), side: 1 }).range(state.doc.line(line).to));
  }
  for (const { line, host } of shown.widgets) {
    if (!valid(line)) continue;
    const widget = new HostWidget(host);
    ranges.push(Decoration.widget({ widget, block: true, side: 2 }).range(state.doc.line(line).to));
  }
  return { shown, decorations: Decoration.set(ranges, true), gutter: RangeSet.of(gutter, true) };
}

export const shownField = StateField.define<Drawn>({
  create: (state) => draw(state, NOTHING),
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return draw(transaction.state, effect.value);
    return value;
  },
  provide: (field) => [
    EditorView.decorations.from(field, (drawn) => drawn.decorations),
    gutterLineClass.from(field, (drawn) => drawn.gutter),
  ],
});

export const hoverField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(highlightHover)) continue;
      if (effect.value === null) return Decoration.none;
      return Decoration.set(Decoration.mark({ class: "hover-target" }).range(effect.value.from, effect.value.to));
    }
    return transaction.docChanged ? Decoration.none : value;
  },
  provide: (field) => EditorView.decorations.from(field),
});
