// The data classes of the contract. All lines and columns are 0-based.

export interface Data {
  tagName: "frame" | "source" | "breakpoint" | "variable" | "scope";
}

export interface Source extends Data {
  tagName: "source";
  /** Above 0: only the runtime has its text. */
  id: number;
  name: string;
  path: string;
  text?: string;
  lineOffset: number;
  /** Exists only in the runtime: opened read-only with content from the debugger. */
  debug: boolean;
  /** Where it comes from, in words. */
  origin?: string;
  /** Of the text last fetched: SHA-256 of the bytes that were loaded, where it is known. */
  hash?: string;
}

export interface Scope extends Data {
  tagName: "scope";
  index: number;
  frameIndex: number;
  /** `locals`, `globals`, … */
  type: string;
  id: number;
  name: string;
  /** Not to be fetched unless asked. */
  expensive: boolean;
  named: number | null;
  indexed: number | null;
  variables: Variable[] | null;
}

export interface Frame extends Data {
  tagName: "frame";
  id: number;
  index: number;
  istop: boolean;
  name: string;
  line: number;
  column: number;
  endLine: number | null;
  endColumn: number | null;
  path: string;
  sourceId: number;
  source: Source;
  thread: number;
  module: string | null;
  /** Library code. */
  subtle: boolean;
  scopes: Scope[] | null;
  variables: Variable[];
}

export interface Variable extends Data {
  tagName: "variable";
  name: string;
  value: string;
  type: string;
  /** Handle for the children; 0 if there are none. */
  ref: number;
  children: boolean;
  error: boolean;
  named: number;
  indexed: number;
  /** An expression that evaluates to it in its frame. */
  expression: string | null;
  readOnly: boolean;
  /** The value is fetched only when the user asks. */
  lazy: boolean;
  /** Handle of the container it lies in; 0 if it has none. */
  parent: number;
  properties: Variable[] | null;
  /** The evaluation that it came from had to let other threads run. */
  othersRan?: boolean;
}

export interface Breakpoint extends Data {
  tagName: "breakpoint";
  id?: number;
  path: string;
  text: string;
  line: number;
  content: string;
  enabled: boolean;
  condition: string;
  hitCondition: string;
  logMessage: string;
  /** Where the debugger really placed it. */
  actual: { line: number } | null;
  /** No place for it, or its condition failed: why. */
  message: string | null;
  invalid: boolean;
  hidden: boolean;
  serverOnly: boolean;
}
