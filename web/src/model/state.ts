// Everything the panels show, as one plain object. Lines and columns in here are 1-based.

import type { Frame as ContractFrame, Variable } from "../debugger/data";
import type { LinkStatus } from "../socket/connection";
import type { BreakpointList } from "../socket/generated/BreakpointList";
import type { ExceptionInfoBody } from "../socket/generated/ExceptionInfoBody";
import type { FileEntry } from "../socket/generated/FileEntry";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Thread } from "../socket/generated/Thread";
import type { Wish } from "../socket/generated/Wish";
import type { Workspace } from "../socket/generated/Workspace";

/** A frame with 1-based places, and the contract's own for calls. */
export interface FrameView {
  id: number;
  index: number;
  thread: number;
  name: string;
  document: DocumentKey;
  path: string;
  fileName: string;
  line: number;
  column: number;
  endLine: number | null;
  endColumn: number | null;
  module: string | null;
  subtle: boolean;
  frame: ContractFrame;
}

/** A path, or `ref:SESSION:NUMBER` for text that only the runtime has. */
export type DocumentKey = string;

export type Loading = "loading" | "loaded" | "failed";

export interface Doc {
  key: DocumentKey;
  path: string;
  name: string;
  status: Loading;
  /** What is shown. */
  text: string;
  error: string | null;
  readOnlyWhy: string | null;
  /** The workspace's file, and the code that the current session loaded from it, where they differ. */
  disk: string | null;
  loaded: string | null;
  differs: boolean;
  showing: "disk" | "loaded";
}

export interface ThreadFrames {
  status: Loading;
  frames: FrameView[];
  total: number;
  error: string | null;
}

export interface ExceptionView {
  thread: number;
  /** Where it is shown. */
  document: DocumentKey;
  line: number;
  column: number;
  info: ExceptionInfoBody | null;
  text: string;
  closed: boolean;
}

/** A scope of the selected frame. */
export interface ScopeView {
  name: string;
  type: string;
  ref: number;
  count: number | null;
  /** Open unless the user closed it. */
  open: boolean;
}

/** The children of one node of a tree. */
export interface Children {
  /** The stop that they were fetched in; of an earlier one they are shown until the new ones are there. */
  stop: number;
  items: Variable[];
  error: string | null;
}

/** A stop of the session that is shown. It stays, stale, until the next one or until the grace is over. */
export interface StopView {
  /** The debugger's number of it: what belongs to another is dropped. */
  number: number;
  /** What the program told of it. */
  body: StoppedEvent;
  reason: string;
  stale: boolean;
  /** The thread that stopped. */
  thread: number;
  frames: Record<number, ThreadFrames>;
  openThreads: number[];
  selected: { thread: number; index: number } | null;
  openLibraries: string[];
  exception: ExceptionView | null;
  /** The breakpoint on its line as it was then: what was edited since did not stop it. */
  wish: Wish | null;
}

/** Variables of the selected frame, watch values, expandable results: nodes by path. */
export interface TreeView {
  stop: number;
  frameKey: string;
  scopes: ScopeView[];
  children: Record<string, Children>;
  /** Values at the stop before, in the same activation of the function; null if it was not seen before. */
  previous: Record<string, string> | null;
  /** The values last seen in an activation, by its key. */
  memory: Record<string, Record<string, string>>;
}

export interface WatchValue {
  expression: string;
  variable: Variable | null;
  error: string | null;
  pending: boolean;
}

export type ConsoleEntry =
  | {
      kind: "output";
      id: number;
      category: string;
      text: string;
      /** The ANSI state that the line begins with. */
      style: string;
      open: boolean;
      place: { path: string; line: number } | null;
    }
  | { kind: "input"; id: number; text: string; place: string }
  | { kind: "result"; id: number; input: number; variable: Variable; stop: number; othersRan: boolean }
  | { kind: "error"; id: number; text: string; place: { path: string; line: number } | null }
  | { kind: "note"; id: number; text: string }
  | {
      kind: "pending";
      id: number;
      text: string;
      since: number;
      slow: boolean;
      interrupting: boolean;
      /** What the program says of it: why it was not interrupted. */
      said: string | null;
    };

export interface ConsoleView {
  entries: ConsoleEntry[];
  next: number;
  dropped: number;
  /** The ANSI state at the end. */
  style: string;
}

export interface Folder {
  status: Loading;
  entries: FileEntry[];
  truncated: boolean;
  error: string | null;
}

export interface Toast {
  id: number;
  tone: "info" | "error";
  text: string;
  action: { label: string; command: string } | null;
}

/** Where the condition editor is open. */
export interface ConditionEditor {
  document: DocumentKey;
  line: number;
  /** The wish that is edited; null for a breakpoint still to be made. */
  wish: number | null;
  tab: "condition" | "hit" | "log";
  error: string | null;
  saving: boolean;
}

export interface Hover {
  document: DocumentKey;
  expression: string;
  /** In the page. */
  x: number;
  y: number;
  variable: Variable;
  stop: number;
}

export type ThemeChoice = "system" | "dark" | "light";
export type PhonePanel = "source" | "stack" | "console" | "breakpoints" | "files";

export interface Choices {
  theme: ThemeChoice;
  inlineValues: boolean;
  autoShow: boolean;
  notify: boolean;
  left: number;
  right: number;
  dock: number;
}

/** The program that was on show under a hub that is gone: the next hub has it too, under a number of its own. */
export interface Awaited {
  pid: number;
  command: string[];
  console: ConsoleView;
}

export interface State {
  link: LinkStatus;
  /** Which start of the hub the sessions are of. */
  epoch: string | null;
  workspace: Workspace | null;
  sessions: Record<number, SessionInfo>;
  order: number[];
  current: number | null;
  awaited: Awaited | null;
  /** What the hub said of itself. */
  told: string[];
  /** A step or continue that was just asked for: the stop stays on show for a moment. */
  settling: boolean;
  /** The thread that makes a step whose end the user waits for: the stops of others do not come up meanwhile. */
  stepping: number | null;
  /** Of the session that is shown, as they were when it was last asked. */
  threads: Thread[];
  stop: StopView | null;
  tree: TreeView;
  /** Nodes that the user opened or closed, by path; they stay so over stops. */
  expanded: Record<string, boolean>;
  watches: string[];
  watchValues: WatchValue[];
  consoles: Record<number, ConsoleView>;
  breakpoints: BreakpointList;
  filters: string[];
  choices: Choices;
  pages: number;
  folders: Record<string, Folder>;
  openFolders: Record<string, true>;
  documents: Record<DocumentKey, Doc>;
  tabs: DocumentKey[];
  active: DocumentKey | null;
  /** A line to bring into view; a new object each time. */
  reveal: { document: DocumentKey; line: number; focus: boolean } | null;
  cursor: { line: number; column: number };
  dock: "console" | "terminal";
  dockOpen: boolean;
  leftOpen: boolean;
  rightOpen: boolean;
  phone: PhonePanel;
  condition: ConditionEditor | null;
  hover: Hover | null;
  toasts: Toast[];
  nextToast: number;
  toldChildren: number[];
}

export const EMPTY_TREE: TreeView = { stop: 0, frameKey: "", scopes: [], children: {}, previous: null, memory: {} };

export const INITIAL: State = {
  link: { kind: "connecting" },
  epoch: null,
  workspace: null,
  sessions: {},
  order: [],
  current: null,
  awaited: null,
  told: [],
  settling: false,
  stepping: null,
  threads: [],
  stop: null,
  tree: EMPTY_TREE,
  expanded: {},
  watches: [],
  watchValues: [],
  consoles: {},
  breakpoints: { active: true, wishes: [] },
  filters: [],
  choices: { theme: "system", inlineValues: true, autoShow: true, notify: true, left: 268, right: 384, dock: 237 },
  pages: 1,
  folders: {},
  openFolders: {},
  documents: {},
  tabs: [],
  active: null,
  reveal: null,
  cursor: { line: 1, column: 1 },
  dock: "console",
  dockOpen: true,
  leftOpen: false,
  rightOpen: true,
  phone: "source",
  condition: null,
  hover: null,
  toasts: [],
  nextToast: 1,
  toldChildren: [],
};
