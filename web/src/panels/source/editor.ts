// One CodeMirror view for all documents: each keeps its own state and scroll position.

import { defaultKeymap } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, type StateEffect } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import type { Doc } from "../../model/state";
import { expressionAt } from "./expression";
import { type GutterActions, gutters } from "./gutters";
import { highlighting } from "./highlight";
import { highlightHover, hoverField, type Shown, show, shownField } from "./shown";

/** So long the pointer rests before the value is shown. */
const HOVER_MS = 350;
/** So long it stays after the pointer has left the window. */
const LEAVE_MS = 400;

/** The search panel's words, as the rest of the window is written. */
const SEARCH_WORDS = {
  next: "Next",
  previous: "Previous",
  "match case": "Match case",
  regexp: "Regex",
  "by word": "Whole words",
};

export interface EditorActions extends GutterActions {
  cursor(line: number, column: number): void;
  hover(expression: string, x: number, y: number): void;
  /** The pointer rests nowhere now: what is not shown yet is not to come. The card itself knows when it has to go. */
  cancelHover(): void;
  /** Nothing is to be shown any more. */
  unhover(): void;
  context(line: number, selection: string, event: MouseEvent): void;
}

interface Kept {
  text: string;
  state: EditorState;
  scroll: StateEffect<unknown>;
}

function nonce(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.content ?? "";
}

export class SourceEditor {
  private readonly view: EditorView;
  private readonly kept = new Map<string, Kept>();
  private shown: { key: string; text: string } | null = null;
  private hoverTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    host: HTMLElement,
    private readonly actions: EditorActions,
  ) {
    this.view = new EditorView({ parent: host, state: this.fresh("", "", "") });
    this.unhideGutters();
  }

  destroy(): void {
    clearTimeout(this.hoverTimer);
    this.view.destroy();
  }

  /** Shows a document; its cursor and scroll position are where they were. */
  open(document: Doc): void {
    const { key, text } = document;
    if (this.shown?.key === key && this.shown.text === text) return;
    if (this.shown !== null) {
      const scroll = this.view.scrollSnapshot();
      this.kept.set(this.shown.key, { text: this.shown.text, state: this.view.state, scroll });
    }
    const kept = this.kept.get(key);
    const same = kept !== undefined && kept.text === text;
    this.view.setState(same ? kept.state : this.fresh(text, document.path || document.name, document.name));
    if (same) this.view.dispatch({ effects: kept.scroll });
    this.shown = { key, text };
    this.unhideGutters();
    // A state that is put in place is no update: nobody has been told where its cursor is.
    queueMicrotask(() => this.tellCursor());
  }

  private tellCursor(): void {
    const { doc, selection } = this.view.state;
    const line = doc.lineAt(selection.main.head);
    this.actions.cursor(line.number, selection.main.head - line.from + 1);
  }

  show(shown: Shown): void {
    this.view.dispatch({ effects: show.of(shown) });
  }

  get state(): EditorState {
    return this.view.state;
  }

  /** Puts the cursor on a line, and the line at one third of the view if it is out of sight. */
  reveal(line: number, focus: boolean): void {
    const { doc } = this.view.state;
    if (line < 1) return;
    const { from, text } = doc.line(Math.min(line, doc.lines));
    const anchor = from + (text.length - text.trimStart().length);
    this.view.dispatch({ selection: { anchor } });
    this.view.requestMeasure({
      read: (view) => {
        const block = view.lineBlockAt(from);
        const top = view.scrollDOM.scrollTop;
        const height = view.scrollDOM.clientHeight;
        return { visible: block.top >= top + 4 && block.bottom <= top + height - 24, height };
      },
      write: ({ visible, height }, view) => {
        if (visible) return;
        const effects = EditorView.scrollIntoView(from, { y: "start", yMargin: Math.max(height / 3, 20) });
        // Not inside of the measurement that asked for it.
        queueMicrotask(() => view.dispatch({ effects }));
      },
    });
    if (focus) this.view.focus();
  }

  /** What lies between the lines is as wide as the view, not as the longest line. */
  measure(): void {
    const gutters = this.view.dom.querySelector(".cm-gutters")?.clientWidth ?? 0;
    this.view.dom.style.setProperty("--view", `${this.view.scrollDOM.clientWidth - gutters}px`);
    this.view.requestMeasure();
  }

  focus(): void {
    this.view.focus();
  }

  clearHover(): void {
    clearTimeout(this.hoverTimer);
    this.unmarkHover();
  }

  /** Nothing is shown of what the pointer rests on; where it goes next may have something. */
  unmarkHover(): void {
    this.view.dispatch({ effects: highlightHover.of(null) });
  }

  private fresh(text: string, path: string, name: string): EditorState {
    const isPython = /\.pyi?$/.test(path) || /^[<A-Za-z_.]+>?$/.test(name) || text.startsWith("#!");
    const extensions: Extension[] = [
      EditorView.cspNonce.of(nonce()),
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({
        "aria-label": `Source of ${name}`,
        inputmode: "none",
        tabindex: "0",
        spellcheck: "false",
      }),
      gutters(this.actions),
      shownField,
      hoverField,
      highlighting,
      bracketMatching(),
      drawSelection(),
      search({ top: true }),
      EditorState.phrases.of(SEARCH_WORDS),
      highlightSelectionMatches({ minSelectionLength: 3 }),
      keymap.of([...searchKeymap, ...defaultKeymap]),
      EditorView.updateListener.of((update) => {
        if (update.selectionSet || update.docChanged) this.tellCursor();
      }),
      EditorView.domEventHandlers({
        mousemove: (event, view) => this.rest(event, view),
        mouseleave: (event) => this.leave(event),
        mousedown: () => this.stopHover(),
        scroll: () => this.stopHover(),
        contextmenu: (event, view) => {
          const position = view.posAtCoords(event, false);
          const { from, to } = view.state.selection.main;
          this.actions.context(view.state.doc.lineAt(position).number, view.state.sliceDoc(from, to), event);
          return true;
        },
      }),
    ];
    if (isPython) extensions.push(python());
    return EditorState.create({ doc: text, extensions });
  }

  private rest(event: MouseEvent, view: EditorView): boolean {
    clearTimeout(this.hoverTimer);
    const position = view.posAtCoords({ x: event.clientX, y: event.clientY });
    const found = position === null || event.buttons !== 0 ? null : expressionAt(view.state, position);
    if (found === null) return this.leave(event);
    this.hoverTimer = setTimeout(() => {
      const box = view.coordsAtPos(found.from);
      if (box === null) return;
      view.dispatch({ effects: highlightHover.of({ from: found.from, to: found.to }) });
      this.actions.hover(found.text, box.left, box.bottom);
    }, HOVER_MS);
    return false;
  }

  private leave(event: MouseEvent): boolean {
    clearTimeout(this.hoverTimer);
    this.actions.cancelHover();
    // Out of the window: nobody sees the pointer move any more.
    const gone = event.type === "mouseleave" && event.relatedTarget === null && !event.altKey;
    if (gone) this.hoverTimer = setTimeout(() => this.stopHover(), LEAVE_MS);
    return false;
  }

  private stopHover(): boolean {
    clearTimeout(this.hoverTimer);
    this.actions.cancelHover();
    this.actions.unhover();
    return false;
  }

  /** The gutter's cells are buttons with names: assistive technology may see them. */
  private unhideGutters(): void {
    this.view.dom.querySelector(".cm-gutters")?.removeAttribute("aria-hidden");
  }
}
