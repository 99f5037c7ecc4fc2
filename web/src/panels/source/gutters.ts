// The gutter: marks, line numbers, the arrow. Each has its own column, so that the arrow never covers a mark.

import type { Extension } from "@codemirror/state";
import { type EditorView, GutterMarker, gutter, lineNumbers } from "@codemirror/view";
import { type Mark, type MarkKind, markWords, type Pointer } from "../../model/selectors";
import { iconElement } from "../Icon";
import { shownField } from "./shown";

export interface GutterActions {
  click(line: number, event: MouseEvent): void;
  menu(line: number, event: MouseEvent): void;
}

class MarkCell extends GutterMarker {
  private readonly kind: MarkKind;
  private readonly words: string;
  private readonly pc: string;
  private readonly asked: boolean;

  constructor(
    private readonly line: number,
    mark: Mark | undefined,
    pointer: Pointer | undefined,
    /** What was asked for on this line and is on another. */
    moved: Mark | undefined,
  ) {
    super();
    this.asked = moved !== undefined;
    this.kind = mark?.kind ?? "none";
    const failed =
      mark !== undefined && mark.message !== null && mark.kind !== "unverified" && mark.asked === mark.line;
    const about = mark ?? moved;
    this.words = `${about === undefined ? `Add breakpoint, line ${line}` : markWords(about)}${failed ? "\u00a0" : ""}`;
    this.pc = pointer === undefined ? "none" : pointer.kind === "frame" ? "frame" : "top";
  }

  override eq(other: MarkCell): boolean {
    return (
      other.line === this.line &&
      other.kind === this.kind &&
      other.words === this.words &&
      other.pc === this.pc &&
      other.asked === this.asked
    );
  }

  override toDOM(): HTMLElement {
    const cell = document.createElement("span");
    cell.className = "g";
    if (this.asked && this.kind === "none") cell.classList.add("asked");
    if (this.words.endsWith("\u00a0")) cell.classList.add("failed");
    cell.setAttribute("role", "button");
    cell.setAttribute("aria-label", this.words.trimEnd());
    if (this.kind !== "none" || this.asked) cell.title = this.words.trimEnd();
    cell.dataset.testid = `gutter-line-${this.line}`;
    cell.dataset.bp = this.kind;
    cell.dataset.pc = this.pc;
    const ghost = this.kind === "none" && this.asked;
    cell.append(iconElement(ghost ? "mark-unverified" : `mark-${this.kind}`, `mark m-${this.kind}`));
    return cell;
  }
}

class ArrowCell extends GutterMarker {
  constructor(private readonly kind: Pointer["kind"]) {
    super();
  }

  override eq(other: ArrowCell): boolean {
    return other.kind === this.kind;
  }

  override toDOM(): Node {
    const cell = document.createElement("span");
    cell.className = `at-${this.kind}-ink`;
    cell.append(iconElement(this.kind === "frame" ? "arrow-frame" : "arrow", "pc"));
    return cell;
  }
}

const ARROWS = { top: new ArrowCell("top"), frame: new ArrowCell("frame"), exception: new ArrowCell("exception") };

export function gutters(actions: GutterActions): Extension {
  const lineOf = (view: EditorView, from: number) => view.state.doc.lineAt(from).number;
  const handlers = {
    mousedown: (view: EditorView, block: { from: number }, event: Event) => {
      const mouse = event as MouseEvent;
      if (mouse.button !== 0) return false;
      actions.click(lineOf(view, block.from), mouse);
      event.preventDefault();
      return true;
    },
    contextmenu: (view: EditorView, block: { from: number }, event: Event) => {
      actions.menu(lineOf(view, block.from), event as MouseEvent);
      return true;
    },
  };
  return [
    gutter({
      class: "cm-marks",
      lineMarker(view, block, others) {
        if (others.length > 100) return null;
        const { marks, pointers } = view.state.field(shownField).shown;
        const line = lineOf(view, block.from);
        const moved = [...marks.values()].find((mark) => mark.asked === line && mark.line !== line);
        return new MarkCell(
          line,
          marks.get(line),
          pointers.find((one) => one.line === line),
          moved,
        );
      },
      lineMarkerChange: (update) => update.startState.field(shownField) !== update.state.field(shownField),
      domEventHandlers: handlers,
    }),
    lineNumbers({ domEventHandlers: handlers }),
    gutter({
      class: "cm-pc",
      lineMarker(view, block) {
        const line = lineOf(view, block.from);
        const pointer = view.state.field(shownField).shown.pointers.find((one) => one.line === line);
        return pointer === undefined ? null : ARROWS[pointer.kind];
      },
      lineMarkerChange: (update) => update.startState.field(shownField) !== update.state.field(shownField),
    }),
  ];
}
