// The workspace tree, the open documents and their tabs.

import type { Message } from "./message";
import type { Doc, DocumentKey, State } from "./state";

/** Documents kept open; the one not looked at for longest goes when there are more. */
const MOST_TABS = 40;

function change(state: State, key: DocumentKey, update: (document: Doc) => Doc): State {
  const document = state.documents[key];
  return document === undefined ? state : { ...state, documents: { ...state.documents, [key]: update(document) } };
}

/** Shows the version that fits: what runs, else what is on disk. */
function settle(document: Doc): Doc {
  const { disk, loaded } = document;
  const showing =
    document.showing === "loaded" ? (loaded === null ? "disk" : "loaded") : disk === null ? "loaded" : "disk";
  const text = showing === "loaded" ? loaded : disk;
  if (text === null) return document;
  return { ...document, status: "loaded", text, showing, error: null };
}

/** Until the source view says where the cursor of the other document is, it is nowhere in particular. No card stays over it. */
function activate(state: State, key: DocumentKey | null): State {
  return state.active === key ? state : { ...state, active: key, cursor: { line: 1, column: 1 }, hover: null };
}

function open(state: State, message: Message & { type: "openDocument" }): State {
  const { key, path, name, line, focus } = message;
  const known = state.documents[key];
  const document: Doc = known ?? {
    key,
    path,
    name,
    status: "loading",
    text: "",
    error: null,
    readOnlyWhy: null,
    disk: null,
    loaded: null,
    differs: false,
    showing: "disk",
  };
  let tabs = state.tabs.includes(key) ? state.tabs : [...state.tabs, key];
  if (tabs.length > MOST_TABS) tabs = tabs.filter((one, index) => index > 0 || one === key);
  return {
    ...activate(state, key),
    documents: { ...state.documents, [key]: document },
    tabs,
    reveal: line === null ? state.reveal : { document: key, line, focus },
    phone: focus ? "source" : state.phone,
  };
}

function close(state: State, key: DocumentKey): State {
  const at = state.tabs.indexOf(key);
  const tabs = state.tabs.filter((one) => one !== key);
  const active = state.active === key ? (tabs[Math.min(at, tabs.length - 1)] ?? null) : state.active;
  const documents = Object.fromEntries(Object.entries(state.documents).filter(([one]) => one !== key));
  const condition = state.condition?.document === key ? null : state.condition;
  return { ...activate(state, active), tabs, documents, condition };
}

export function reduceFiles(state: State, message: Message): State {
  switch (message.type) {
    case "folderLoading": {
      const old = state.folders[message.path];
      if (old !== undefined && old.status === "loaded") return state;
      const folder = { status: "loading" as const, entries: [], truncated: false, error: null };
      return { ...state, folders: { ...state.folders, [message.path]: folder } };
    }
    case "folder": {
      const { entries, truncated } = message.list;
      const folder = { status: "loaded" as const, entries, truncated, error: null };
      return { ...state, folders: { ...state.folders, [message.path]: folder } };
    }
    case "folderFailed": {
      const folder = { status: "failed" as const, entries: [], truncated: false, error: message.error };
      return { ...state, folders: { ...state.folders, [message.path]: folder } };
    }
    case "toggleFolder": {
      const openFolders = { ...state.openFolders };
      if (message.on) openFolders[message.path] = true;
      else delete openFolders[message.path];
      return { ...state, openFolders };
    }
    case "collapseFolders": {
      const root = state.workspace?.path;
      return { ...state, openFolders: root === undefined ? {} : { [root]: true } };
    }
    case "openDocument":
      return open(state, message);
    case "documentDisk":
      return change(state, message.key, (document) => {
        if (message.text !== null) return settle({ ...document, disk: message.text, readOnlyWhy: null });
        return document.loaded === null ? { ...document, status: "failed", error: message.error } : document;
      });
    case "documentLoaded":
      return change(state, message.key, (document) => {
        if (message.text === null) {
          return document.disk === null ? { ...document, status: "failed", error: message.error } : document;
        }
        const { differs } = message;
        const loaded = differs || message.only ? message.text : null;
        const showing = differs && !document.differs ? "loaded" : loaded === null ? "disk" : document.showing;
        const readOnlyWhy = message.only ? "From the running program, not a file of the workspace" : null;
        return settle({ ...document, loaded, differs, showing, readOnlyWhy });
      });
    case "showVersion":
      return change(state, message.key, (document) => settle({ ...document, showing: message.version }));
    case "activate":
      return state.documents[message.key] === undefined ? state : activate(state, message.key);
    case "closeDocument":
      return close(state, message.key);
    case "reveal":
      return { ...state, reveal: { document: message.document, line: message.line, focus: message.focus } };
    case "cursor":
      return { ...state, cursor: { line: message.line, column: message.column } };
    default:
      return state;
  }
}
