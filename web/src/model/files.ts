// The workspace's folders, open documents, and their tabs. A file of the workspace is read from disk, and compared with
// the code that the program loaded from it; everything else comes from the program.

import { toSource } from "../debugger/convert";
import { isGone, Part, reason } from "./context";
import { baseName, inWorkspace, sourceIdOf } from "./paths";
import { currentSession } from "./selectors";
import type { DocumentKey, FrameView } from "./state";

/** How soon after a change the tabs are remembered. */
const SAVE_TABS_MS = 400;

interface Version {
  hash: string;
  text: string;
}

export class Files extends Part {
  private cancelSave: () => void = () => undefined;
  private restored = false;
  private seen = new Map<string, Version>();
  /** Which session each document was last compared with. */
  private compared = new Map<DocumentKey, number | null>();

  /** Opens or closes a folder of the tree. */
  toggleFolder(path: string, on: boolean): void {
    this.dispatch({ type: "toggleFolder", path, on });
    if (on) void this.loadFolder(path);
  }

  async loadFolder(path: string): Promise<void> {
    this.dispatch({ type: "folderLoading", path });
    try {
      this.dispatch({ type: "folder", path, list: await this.context.hub.listFiles(path) });
    } catch (error) {
      if (!isGone(error)) this.dispatch({ type: "folderFailed", path, error: reason(error) });
    }
  }

  /** Reads every folder that is open again. */
  refreshFolders(): void {
    for (const path of Object.keys(this.state.openFolders)) void this.loadFolder(path);
  }

  open(path: string, line: number | null = null, focus = true): void {
    this.show(path, path, baseName(path), line, focus);
  }

  openFrame(frame: FrameView, focus: boolean): void {
    if (frame.document !== "") this.show(frame.document, frame.path, frame.fileName, frame.line, focus);
  }

  private show(key: DocumentKey, path: string, name: string, line: number | null, focus: boolean): void {
    const known = this.state.documents[key];
    this.dispatch({ type: "openDocument", key, path, name, line, focus });
    if (known === undefined || known.status === "failed") void this.loadDocument(key);
    this.saveTabs();
  }

  activate(key: DocumentKey): void {
    this.dispatch({ type: "activate", key });
    this.saveTabs();
  }

  close(key: DocumentKey): void {
    this.dispatch({ type: "closeDocument", key });
    this.saveTabs();
  }

  /** Reads again what is open: files may have changed, and another program may have loaded others. */
  reload(): void {
    for (const key of this.state.tabs) void this.loadDocument(key);
  }

  /** Compares a document with the code of the session that is shown, unless that was done. */
  check(key: DocumentKey): void {
    if (this.compared.get(key) !== this.state.current) void this.loadDocument(key);
  }

  async loadDocument(key: DocumentKey): Promise<void> {
    const document = this.state.documents[key];
    const ofRuntime = sourceIdOf(key);
    // A text that only one program has is no other's to give.
    if (document === undefined || (ofRuntime !== null && ofRuntime.session !== this.state.current)) return;
    this.compared.set(key, this.state.current);
    const { path } = document;
    const workspace = this.state.workspace?.path ?? null;
    const isFile = ofRuntime === null && inWorkspace(path, workspace);
    let disk: Version | null = null;
    if (isFile) {
      try {
        const file = await this.context.hub.readFile(path);
        disk = { hash: file.hash, text: file.content };
        const refused = file.refused ?? null;
        this.dispatch({ type: "documentDisk", key, text: refused === null ? file.content : null, error: refused });
      } catch (error) {
        if (isGone(error)) return this.postpone(key);
        this.dispatch({ type: "documentDisk", key, text: null, error: reason(error) });
      }
    }
    const backend = this.context.debugger();
    const info = currentSession(this.state);
    if (backend === null || info === null || info.state === "ended") {
      const error = "This file is outside the workspace. It can be shown while a program that uses it is running.";
      if (!isFile) this.dispatch({ type: "documentLoaded", key, text: null, error, differs: false, only: true });
      return;
    }
    const source = toSource({ path, name: document.name, sourceReference: ofRuntime?.id ?? 0 });
    try {
      const text = await backend.getSource(source);
      const loaded = source.hash === undefined ? this.firstSeen(key, disk) : { hash: source.hash, text };
      const differs = disk !== null && loaded !== null && loaded.hash !== disk.hash;
      const shown = loaded?.text ?? text;
      this.dispatch({ type: "documentLoaded", key, text: shown, error: null, differs, only: !isFile });
    } catch (error) {
      if (isGone(error)) return this.postpone(key);
      // A file that the program has not loaded has nothing to be compared with, yet.
      this.compared.delete(key);
      const text = isFile ? (disk?.text ?? null) : null;
      this.dispatch({ type: "documentLoaded", key, text, error: reason(error), differs: false, only: !isFile });
    }
  }

  /** What broke with the connection is read when that is back, and stays as it is until then. */
  private postpone(key: DocumentKey): void {
    this.compared.delete(key);
  }

  /**
   * The file as it was when the program was first seen to run it: stands in for the hash of the loaded code where a
   * backend does not know it.
   */
  private firstSeen(key: DocumentKey, disk: Version | null): Version | null {
    const name = `${this.state.epoch} ${this.state.current} ${key}`;
    const seen = this.seen.get(name);
    if (seen !== undefined) return seen;
    if (disk !== null) this.seen.set(name, disk);
    return disk;
  }

  find(query: string): Promise<string[]> {
    return this.context.hub.findFiles(query, 60).then((found) => found.paths);
  }

  /** Opens the tabs that the workspace remembers, once. */
  restoreTabs(value: unknown): void {
    if (this.restored) return;
    this.restored = true;
    const { open, active } = (value ?? {}) as { open?: unknown; active?: unknown };
    if (!Array.isArray(open) || this.state.tabs.length > 0) return;
    const paths = open.filter((path): path is string => typeof path === "string" && path.startsWith("/"));
    for (const path of paths) {
      this.dispatch({ type: "openDocument", key: path, path, name: baseName(path), line: null, focus: false });
      void this.loadDocument(path);
    }
    if (typeof active === "string" && paths.includes(active)) this.dispatch({ type: "activate", key: active });
  }

  private saveTabs(): void {
    this.cancelSave();
    this.cancelSave = this.context.clock.after(SAVE_TABS_MS, () => {
      const open = this.state.tabs.filter((key) => sourceIdOf(key) === null);
      const value = { open, active: this.state.active };
      this.context.hub.setSetting({ scope: "workspace", key: "tabs", value }).catch(() => undefined);
    });
  }
}
