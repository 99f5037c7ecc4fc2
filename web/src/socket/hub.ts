// The requests to the hub itself, typed: breakpoints, watches, settings, files.

import type { Connection } from "./connection";
import type { ChangeWish } from "./generated/ChangeWish";
import type { FileList } from "./generated/FileList";
import type { FileText } from "./generated/FileText";
import type { FoundFiles } from "./generated/FoundFiles";
import type { NewWish } from "./generated/NewWish";
import type { Setting } from "./generated/Setting";
import type { Wish } from "./generated/Wish";

/** What a connection offers to those above it. */
export type Requester = Pick<Connection, "request">;

export class Hub {
  constructor(private readonly connection: Requester) {}

  setBreakpoint(wish: NewWish): Promise<Wish> {
    return this.ask("ikpdb/breakpoints/set", wish);
  }

  changeBreakpoint(change: ChangeWish): Promise<Wish> {
    return this.ask("ikpdb/breakpoints/change", change);
  }

  removeBreakpoints(ids: number[]): Promise<void> {
    return this.ask("ikpdb/breakpoints/remove", { ids });
  }

  activateBreakpoints(active: boolean): Promise<void> {
    return this.ask("ikpdb/breakpoints/activate", { active });
  }

  setExceptionFilters(active: string[]): Promise<void> {
    return this.ask("ikpdb/exceptionFilters", { active });
  }

  setWatches(expressions: string[]): Promise<void> {
    return this.ask("ikpdb/watches", { expressions });
  }

  setSetting(setting: Setting): Promise<void> {
    return this.ask("ikpdb/setting", setting);
  }

  listFiles(path: string): Promise<FileList> {
    return this.ask("ikpdb/files/list", { path });
  }

  readFile(path: string): Promise<FileText> {
    return this.ask("ikpdb/files/read", { path });
  }

  findFiles(query: string, limit: number): Promise<FoundFiles> {
    return this.ask("ikpdb/files/find", { query, limit });
  }

  private ask<T>(command: string, args: unknown): Promise<T> {
    return this.connection.request<T>(null, command, args).answer;
  }
}
