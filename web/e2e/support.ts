// Starts real programs under the real hub, in a workspace of their own.

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HERE = new URL(".", import.meta.url).pathname;
const PROGRAMS = join(HERE, "programs");

/** The command under test: `IKPDB`, else the development build. */
const IKPDB = process.env.IKPDB ?? join(HERE, "../../target/debug/ikpdb");

interface Setup {
  pythons: { version: string; executable: string; system: boolean; environment?: string }[];
  chromium?: string;
}

/** What `cargo xtask test` has set up, if it has. */
function readSetup(): Setup {
  const path = process.env.IKPDB_TEST_SETUP ?? join(HERE, "../../target/test-setup.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Setup) : { pythons: [] };
}

export const SETUP = readSetup();

/** All interpreters of the set-up by their version; the chosen one alone if the tests are told which. */
export const PYTHONS: [version: string, path: string | undefined][] =
  process.env.IKPDB_E2E_PYTHON !== undefined || SETUP.pythons.length === 0
    ? [["as chosen", process.env.IKPDB_E2E_PYTHON]]
    : SETUP.pythons.map(({ version, system, executable }) => [
        system ? `${version} of the system` : version,
        executable,
      ]);

/** The interpreter of the tests, with Flask: `IKPDB_E2E_PYTHON`, else 3.13 of the set-up, else what the command chooses. */
export const PYTHON: string | undefined =
  process.env.IKPDB_E2E_PYTHON ??
  SETUP.pythons
    .filter((one) => one.version.startsWith("3.13") && one.environment !== undefined)
    .map((one) => `${one.environment}/bin/python`)
    .find((path) => existsSync(path));

/** Runs a command on a pseudo-terminal of its own and passes on what it prints. */
const ON_A_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while data := os.read(fd, 65536):
        os.write(1, data)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)
`;

/** A folder with the programs, and a hub of its own. */
export class Workspace {
  readonly root = mkdtempSync(join(tmpdir(), "ikpdb-e2e-"));
  readonly path = join(this.root, "shop");
  private readonly started: Run[] = [];

  constructor() {
    cpSync(PROGRAMS, this.path, { recursive: true });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The number of the line that carries the marker. */
  line(marker: string, name = "fixture.py"): number {
    const lines = readFileSync(this.file(name), "utf8").split("\n");
    const at = lines.findIndex((line) => line.includes(`BP:${marker}`) || line.endsWith(`# ${marker}`));
    if (at < 0) throw new Error(`${name} has no BP:${marker}`);
    return at + 1;
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.root,
      XDG_STATE_HOME: join(this.root, "state"),
      XDG_CACHE_HOME: join(this.root, "cache"),
      XDG_RUNTIME_DIR: "",
      PYENV_ROOT: process.env.PYENV_ROOT ?? join(process.env.HOME ?? "", ".pyenv"),
      PYTHONDONTWRITEBYTECODE: "1",
    };
  }

  /** `ikpdb run …` on a terminal; resolves when it told its address. */
  async run(args: string[], options: { terminal?: boolean; joins?: boolean; python?: string } = {}): Promise<Run> {
    const python = options.python ?? PYTHON;
    const chosen = python === undefined ? [] : ["--python", python];
    const run = this.start(["run", "--no-browser", ...chosen, ...args], options.terminal ?? true);
    await (options.joins === true ? run.joined() : run.address());
    return run;
  }

  /** The hub alone, without any program; resolves when it listens. */
  async hub(): Promise<Run> {
    const hub = this.start(["hub", "--workspace", this.path], false);
    await hub.until("being ready", () => (hub.output.includes("ready\n") ? true : null));
    return hub;
  }

  private start(args: string[], terminal: boolean): Run {
    if (!existsSync(IKPDB)) throw new Error(`${IKPDB} is missing: cargo build`);
    const run = new Run([IKPDB, ...args], this.path, this.environment, terminal);
    this.started.push(run);
    return run;
  }

  /** `ikpdb open`: the address that it hands to the browser, with a ticket that works once. */
  ticket(): Promise<string> {
    const told = join(this.root, "opened");
    writeFileSync(told, "");
    const script = join(this.root, "browser");
    writeFileSync(script, `#!/bin/sh\nprintf %s "$1" > '${told}.part' && mv '${told}.part' '${told}'\n`, {
      mode: 0o755,
    });
    const env = { ...this.environment, BROWSER: script, SSH_CONNECTION: undefined };
    return new Promise((resolve, reject) => {
      const watcher = watch(this.root, () => {
        const address = existsSync(told) ? readFileSync(told, "utf8") : "";
        if (!address.includes("#")) return;
        end();
        resolve(address);
      });
      const timer = setTimeout(() => {
        end();
        reject(new Error("ikpdb open opened nothing"));
      }, 10_000);
      const end = () => {
        clearTimeout(timer);
        watcher.close();
      };
      spawn(IKPDB, ["open"], { cwd: this.path, env, stdio: "ignore" });
    });
  }

  /** Ends everything that was started here. */
  async dispose(): Promise<void> {
    for (const run of this.started) await run.kill();
    // A program that was run again from a page has a runner of its own, and outlives the hub.
    const runner = () =>
      findProcess((command, environment) => / runner /.test(command) && environment.includes(this.root));
    for (let pid = runner(); pid !== null; pid = runner()) await endProcess(pid);
    const hub = this.hubPid();
    if (hub !== null) kill(hub);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The hub of this workspace, found by its environment: no other process carries this folder's name in it. */
  hubPid(): number | null {
    return findProcess((command, environment) => command.includes("hub") && environment.includes(this.root));
  }
}

function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Asks a process that is no child of ours to end, and looks until it has; one that does not is killed. */
async function endProcess(pid: number): Promise<void> {
  kill(pid, "SIGTERM");
  const isThere = () => existsSync(`/proc/${pid}/exe`);
  const late = Date.now() + 3000;
  while (isThere() && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 20));
  if (isThere()) kill(pid);
}

function findProcess(is: (command: string, environment: string) => boolean): number | null {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      const environment = readFileSync(`/proc/${entry}/environ`, "utf8");
      if (command[0]?.endsWith("ikpdb") && is(command.join(" "), environment)) return Number(entry);
    } catch {
      // It has ended meanwhile, or is not ours.
    }
  }
  return null;
}

/** One `ikpdb run`. */
export class Run {
  output = "";
  exitCode: number | null = null;
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  constructor(command: string[], cwd: string, env: NodeJS.ProcessEnv, terminal: boolean) {
    const [program = "", ...args] = terminal ? ["python3", "-c", ON_A_TERMINAL, ...command] : command;
    this.child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const take = (data: Buffer) => {
      this.output += data.toString();
      this.wake();
    };
    this.child.stdout?.on("data", take);
    this.child.stderr?.on("data", take);
    this.child.on("exit", (code) => {
      this.exitCode = code ?? -1;
      this.wake();
    });
  }

  address(): Promise<string> {
    return this.until("its address", () => /http:\/\/\S+#\S+/.exec(this.output)?.[0] ?? null);
  }

  /** The hub was there with an open page already: the program shows in it. */
  joined(): Promise<true> {
    return this.until("joining the open page", () => (this.output.includes("shown in the open page") ? true : null));
  }

  /** Waits until `found` gives something, looking again whenever the command says something. */
  until<T>(what: string, found: () => T | null, ms = 20_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(new Error(`no ${what} within ${ms} ms:\n${this.output}`)), ms);
      const look = () => {
        const value = found();
        if (value !== null) {
          end(null);
          resolve(value);
        } else if (this.exitCode !== null) end(new Error(`ended (${this.exitCode}) without ${what}:\n${this.output}`));
      };
      const end = (error: Error | null) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        if (error !== null) reject(error);
      };
      this.waiting.add(look);
      look();
    });
  }

  ended(): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`still running:\n${this.output}`)), 20_000);
      const look = () => {
        if (this.exitCode === null) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(this.exitCode);
      };
      this.waiting.add(look);
      look();
    });
  }

  async kill(): Promise<void> {
    if (this.exitCode !== null) return;
    this.child.kill("SIGTERM");
    const done = await Promise.race([
      this.ended().then(() => true),
      new Promise((r) => setTimeout(() => r(false), 2000)),
    ]);
    if (done !== true) this.child.kill("SIGKILL");
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }
}
