// DAP's words (1-based) into the contract's (0-based) and back.

import type { Scope as DapScope } from "../socket/generated/Scope";
import type { Source as DapSource } from "../socket/generated/Source";
import type { StackFrame } from "../socket/generated/StackFrame";
import type { Variable as DapVariable } from "../socket/generated/Variable";
import type { VariablePresentationHint } from "../socket/generated/VariablePresentationHint";
import type { Wish } from "../socket/generated/Wish";
import type { Breakpoint, Frame, Scope, Source, Variable } from "./data";

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function toSource(source: DapSource | undefined): Source {
  const path = source?.path ?? "";
  const id = source?.sourceReference ?? 0;
  return {
    tagName: "source",
    id,
    name: source?.name ?? baseName(path),
    path,
    lineOffset: 0,
    debug: id > 0,
    ...(source?.origin === undefined ? {} : { origin: source.origin }),
  };
}

export function fromSource(source: Source): DapSource {
  return {
    name: source.name,
    ...(source.path === "" ? {} : { path: source.path }),
    ...(source.id > 0 ? { sourceReference: source.id } : {}),
  };
}

export function toFrame(frame: StackFrame, index: number, thread: number): Frame {
  const source = toSource(frame.source);
  return {
    tagName: "frame",
    id: frame.id,
    index,
    istop: index === 0,
    name: frame.name,
    line: frame.line - 1,
    column: Math.max(frame.column - 1, 0),
    endLine: frame.endLine === undefined ? null : frame.endLine - 1,
    endColumn: frame.endColumn === undefined ? null : frame.endColumn - 1,
    path: source.path,
    sourceId: source.id,
    source,
    thread,
    module: frame.moduleId ?? null,
    subtle: frame.presentationHint === "subtle",
    scopes: null,
    variables: [],
  };
}

export function toScope(scope: DapScope, index: number, frameIndex: number): Scope {
  return {
    tagName: "scope",
    index,
    frameIndex,
    type: scope.presentationHint ?? scope.name.toLowerCase(),
    id: scope.variablesReference,
    name: scope.name,
    expensive: scope.expensive,
    named: scope.namedVariables ?? null,
    indexed: scope.indexedVariables ?? null,
    variables: null,
  };
}

export interface ValueParts {
  value: string;
  type?: string;
  presentationHint?: VariablePresentationHint;
  variablesReference?: number;
  namedVariables?: number;
  indexedVariables?: number;
  evaluateName?: string;
}

export function toVariable(name: string, from: ValueParts, parent: number): Variable {
  const attributes = from.presentationHint?.attributes ?? [];
  const ref = from.variablesReference ?? 0;
  return {
    tagName: "variable",
    name,
    value: from.value,
    type: from.type ?? "",
    ref,
    children: ref > 0,
    error: attributes.includes("failedEvaluation"),
    named: from.namedVariables ?? 0,
    indexed: from.indexedVariables ?? 0,
    expression: from.evaluateName ?? null,
    readOnly: attributes.includes("readOnly"),
    lazy: from.presentationHint?.lazy === true,
    parent,
    properties: null,
  };
}

export function toVariables(variables: DapVariable[], parent: number): Variable[] {
  return variables.map((one) => toVariable(one.name, one, parent));
}

export function errorVariable(name: string, message: string): Variable {
  return { ...toVariable(name, { value: message }, 0), error: true };
}

export function toBreakpoint(wish: Wish, session: number | null): Breakpoint {
  const placed = session === null ? undefined : wish.placed[session];
  return {
    tagName: "breakpoint",
    id: wish.id,
    path: wish.path,
    text: baseName(wish.path),
    line: wish.line - 1,
    content: (wish.text ?? "").slice(0, 200),
    enabled: wish.enabled,
    condition: wish.condition ?? "",
    hitCondition: wish.hitCondition ?? "",
    logMessage: wish.logMessage ?? "",
    actual: placed?.line === undefined ? null : { line: placed.line - 1 },
    message: placed?.message ?? null,
    invalid: placed !== undefined && !placed.verified,
    hidden: false,
    serverOnly: false,
  };
}
