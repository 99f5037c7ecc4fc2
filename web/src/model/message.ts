// What can happen to the state: news from the hub, answers to requests, and what the user did.

import type { Variable } from "../debugger/data";
import type { LinkStatus } from "../socket/connection";
import type { BreakpointList } from "../socket/generated/BreakpointList";
import type { ContinuedEvent } from "../socket/generated/ContinuedEvent";
import type { ExceptionInfoBody } from "../socket/generated/ExceptionInfoBody";
import type { FileList } from "../socket/generated/FileList";
import type { OutputEvent } from "../socket/generated/OutputEvent";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Setting } from "../socket/generated/Setting";
import type { Snapshot } from "../socket/generated/Snapshot";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Thread } from "../socket/generated/Thread";
import type {
  Choices,
  ConditionEditor,
  DocumentKey,
  FrameView,
  Hover,
  PhonePanel,
  ScopeView,
  State,
  Toast,
  WatchValue,
} from "./state";

export type Message =
  // from the hub
  | { type: "link"; status: LinkStatus }
  | { type: "snapshot"; snapshot: Snapshot; epoch: string }
  | { type: "told"; text: string }
  | { type: "session"; info: SessionInfo }
  | { type: "sessionRemoved"; session: number }
  | { type: "stopped"; session: number; body: StoppedEvent }
  | { type: "continued"; session: number; body: ContinuedEvent }
  | { type: "output"; session: number; events: OutputEvent[] }
  | { type: "breakpoints"; list: BreakpointList }
  | { type: "filters"; active: string[] }
  | { type: "watches"; expressions: string[] }
  | { type: "setting"; setting: Setting }
  | { type: "pages"; count: number }
  // the current session
  | { type: "selectSession"; session: number }
  | {
      type: "stop";
      number: number;
      body: StoppedEvent;
      reason: string;
      thread: number;
      frames: FrameView[];
      total: number;
      exception: string | null;
      selected: number;
    }
  | { type: "settling"; on: boolean }
  | { type: "stepping"; thread: number | null }
  | { type: "wentOn" }
  | { type: "graceOver"; number: number }
  | { type: "threads"; session: number; threads: Thread[] }
  | { type: "threadFrames"; number: number; thread: number; start: number; frames: FrameView[]; total: number }
  | { type: "threadFramesFailed"; number: number; thread: number; error: string }
  | { type: "toggleThread"; thread: number }
  | { type: "toggleLibrary"; key: string }
  | { type: "selectFrame"; thread: number; index: number }
  | {
      type: "exceptionInfo";
      number: number;
      info: ExceptionInfoBody;
      at: { document: DocumentKey; line: number } | null;
    }
  | { type: "closeException" }
  | { type: "scopes"; number: number; frameKey: string; scopes: ScopeView[]; children: Record<string, Variable[]> }
  | { type: "children"; number: number; path: string; items: Variable[] }
  | { type: "childrenFailed"; number: number; path: string; error: string }
  | { type: "replaceVariable"; number: number; parent: string; name: string; variable: Variable }
  | { type: "staleTree" }
  | { type: "expand"; path: string; on: boolean }
  | { type: "collapseAll"; prefix: string }
  | { type: "watchValues"; number: number; values: WatchValue[] }
  | { type: "watchValue"; number: number; index: number; value: WatchValue }
  | { type: "hover"; hover: Hover | null }
  // console
  | { type: "consoleInput"; session: number; text: string; place: string; now: number }
  | { type: "consoleSlow"; session: number; id: number }
  | { type: "consoleInterrupting"; session: number; id: number }
  | { type: "consoleProgress"; session: number; id: number; text: string }
  | { type: "consoleResult"; session: number; id: number; variable: Variable; othersRan: boolean }
  | { type: "consoleError"; session: number; id: number; text: string }
  | { type: "consoleNote"; session: number; text: string }
  | { type: "consoleTraceback"; session: number; text: string }
  | { type: "clearConsole"; session: number }
  // files
  | { type: "folderLoading"; path: string }
  | { type: "folder"; path: string; list: FileList }
  | { type: "folderFailed"; path: string; error: string }
  | { type: "toggleFolder"; path: string; on: boolean }
  | { type: "collapseFolders" }
  | { type: "openDocument"; key: DocumentKey; path: string; name: string; line: number | null; focus: boolean }
  | { type: "documentDisk"; key: DocumentKey; text: string | null; error: string | null }
  | {
      type: "documentLoaded";
      key: DocumentKey;
      text: string | null;
      error: string | null;
      differs: boolean;
      only: boolean;
    }
  | { type: "showVersion"; key: DocumentKey; version: "disk" | "loaded" }
  | { type: "activate"; key: DocumentKey }
  | { type: "closeDocument"; key: DocumentKey }
  | { type: "reveal"; document: DocumentKey; line: number; focus: boolean }
  | { type: "cursor"; line: number; column: number }
  // the window
  | { type: "layout"; change: Partial<Pick<State, "dock" | "dockOpen" | "leftOpen" | "rightOpen" | "phone">> }
  | { type: "choices"; change: Partial<Choices> }
  | { type: "condition"; editor: ConditionEditor | null }
  | { type: "toast"; toast: Omit<Toast, "id"> }
  | { type: "dismissToast"; id: number }
  | { type: "toldChildren"; pids: number[] };

export type { PhonePanel };
