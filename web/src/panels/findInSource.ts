// Opens the search of the source view from anywhere: the browser's own would find only the lines that are drawn.

import { openSearchPanel } from "@codemirror/search";
import { EditorView } from "@codemirror/view";

export function findInSource(): void {
  const editor = document.querySelector<HTMLElement>(".source .cm-editor");
  const view = editor === null ? null : EditorView.findFromDOM(editor);
  if (view !== null) openSearchPanel(view);
}
