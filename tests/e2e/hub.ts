/** The real binary: a hub with agents, in temporary folders, on ports of the loopback. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type ListenOptions, type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ADMIN = "admin";
export const PASSWORD = "correct horse battery staple";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const TRIPLE = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`;

export function binary(): string {
  const target = process.env["CARGO_TARGET_DIR"] ?? join(ROOT, "target");
  return process.env["ROADSTEAD_BIN"] ?? join(target, TRIPLE, "debug", "roadstead");
}

/**
 * A port that is the caller's alone, also while nobody listens on it yet, or again: none of those that the kernel gives to whoever calls,
 * and none that another worker was given, for a name that is held until the end goes with it.
 */
export async function freePort(): Promise<number> {
  const [first = 0, last = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number);
  for (;;) {
    const port = randomInt(10_000, 65_536);
    if (port >= first && port <= last) continue;
    const name = await listening({ path: `\0roadstead-port-${port}` });
    const probe = name && (await listening({ port, host: "0.0.0.0" }));
    if (!probe) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
}

/** Who listens there, when that can be had. */
function listening(where: ListenOptions): Promise<Server | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(undefined));
    server.listen(where, () => done(server.unref()));
  });
}

export async function until<T>(what: string, check: () => T | undefined | Promise<T | undefined>, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await Promise.resolve()
      .then(check)
      .catch(() => undefined);
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${seconds} s`);
    await new Promise((wait) => setTimeout(wait, 50));
  }
}

export class Agent {
  readonly data: string;
  private child: ChildProcess;

  constructor(
    private readonly hub: Hub,
    readonly name: string,
    token: string,
  ) {
    this.data = join(hub.folder, name);
    this.child = this.spawn(["--join", token]);
  }

  private spawn(extra: string[]): ChildProcess {
    const log = openSync(join(this.hub.folder, `${this.name}.log`), "a");
    return spawn(binary(), ["serve", "--agent", "--data", this.data, ...extra], { env: this.hub.processEnv(), stdio: ["ignore", log, log], detached: true });
  }

  async node(): Promise<string> {
    return until("the agent having joined", () => JSON.parse(readFileSync(join(this.data, "hub.json"), "utf8")).node_id as string);
  }

  stop(): Promise<void> {
    this.child.kill("SIGTERM");
    return new Promise((done) => {
      if (this.child.exitCode !== null) done();
      else this.child.once("exit", () => done());
    });
  }

  start(): void {
    this.child = this.spawn([]);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  /** Writes the node's lock file. */
  lock(text: string): void {
    writeFileSync(join(this.data, "lock.yaml"), text, { mode: 0o600 });
  }
}

export class Hub {
  readonly folder = mkdtempSync(join(tmpdir(), "roadstead-e2e-"));
  readonly key = `AKIA${randomBytes(8).toString("hex").toUpperCase()}`;
  readonly secret = randomBytes(20).toString("hex");
  private readonly mark = randomBytes(12).toString("hex");
  private readonly agents: Agent[] = [];
  private child!: ChildProcess;

  private constructor(
    readonly port: number,
    private readonly isSeeded: boolean,
  ) {}

  static async start({ seeded = true } = {}): Promise<Hub> {
    const hub = new Hub(await freePort(), seeded);
    hub.spawn();
    await hub.ready();
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get data(): string {
    return join(this.folder, "hub");
  }

  processEnv(): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], HOME: this.folder, LANG: "C.UTF-8", ROADSTEAD_TEST_MARK: this.mark };
  }

  private spawn(): void {
    const password = join(this.folder, "password");
    writeFileSync(password, PASSWORD, { mode: 0o600 });
    const seed = {
      ROADSTEAD_ADMIN_USER: ADMIN,
      ROADSTEAD_ADMIN_PASSWORD_FILE: password,
      ROADSTEAD_ADMIN_ACCESS_KEY_ID: this.key,
      ROADSTEAD_ADMIN_SECRET_ACCESS_KEY: this.secret,
    };
    const at = `127.0.0.1:${this.port}`;
    const log = openSync(join(this.folder, "hub.log"), "a");
    this.child = spawn(binary(), ["serve", "--data", this.data, "--listen", at, "--advertise", at], {
      env: { ...this.processEnv(), ...(this.isSeeded ? seed : {}) },
      stdio: ["ignore", log, log],
      detached: true,
    });
  }

  private ready(): Promise<boolean> {
    return until("the hub being ready", async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  /** kill -9 and a new start on the same data and port; whoever was online is so again. */
  async restart(): Promise<void> {
    const online = () => this.api<{ NodesOnline: number }>("Roadstead.DescribeHub").NodesOnline;
    const before = online();
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await gone;
    this.spawn();
    await this.ready();
    await until("the agents being back", () => online() >= before);
  }

  setupToken(): string {
    return readFileSync(join(this.data, "setup-token"), "utf8").trim();
  }

  cli(...args: string[]): string {
    const env = { ...this.processEnv(), ROADSTEAD_URL: this.url, ROADSTEAD_ACCESS_KEY_ID: this.key, ROADSTEAD_SECRET_ACCESS_KEY: this.secret };
    return execFileSync(binary(), args, { env, encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "pipe"] });
  }

  api<T>(operation: string, body: object = {}): T {
    return JSON.parse(this.cli("api", operation, "--json", JSON.stringify(body))) as T;
  }

  /** Runs a script on a node, or on several, with its output in a log group, to its end; the command's id. */
  async runLogged(names: string[], script: string, group?: string): Promise<string> {
    const nodes = this.api<{ Nodes: { NodeId: string; Name: string }[] }>("Roadstead.SearchNodes").Nodes;
    const { CommandId } = this.api<{ Command: { CommandId: string } }>("AmazonSSM.SendCommand", {
      DocumentName: "AWS-RunShellScript",
      InstanceIds: nodes.filter(({ Name }) => names.includes(Name)).map(({ NodeId }) => NodeId),
      Parameters: { commands: [script] },
      CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, ...(group ? { CloudWatchLogGroupName: group } : {}) },
    }).Command;
    await until("the command having ended", () => {
      const { Command } = this.api<{ Command: { CompletedCount: number; TargetCount: number } }>("Roadstead.DescribeCommand", { CommandId });
      return Command.CompletedCount === Command.TargetCount;
    });
    return CommandId;
  }

  /** An agent that has not joined yet. */
  launch(name: string, token: string): Agent {
    const agent = new Agent(this, name, token);
    this.agents.push(agent);
    return agent;
  }

  async join(name: string, token?: string): Promise<Agent> {
    const agent = this.launch(name, token ?? (JSON.parse(this.cli("join-line", "--name", name, "-o", "json")).token as string));
    const node = await agent.node();
    await until(`${name} being online`, () => this.api<{ Status: string }>("Roadstead.DescribeNode", { NodeId: node }).Status === "Online");
    return agent;
  }

  stop(): void {
    for (const agent of this.agents) agent.kill();
    this.child.kill("SIGKILL");
    // Step hosts and shells outlive their agent: everything with our mark goes.
    for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${entry}/environ`, "latin1").includes(this.mark)) process.kill(Number(entry), "SIGKILL");
      } catch {
        // It has ended meanwhile, or is somebody else's.
      }
    }
    // What was killed may be writing for a moment more.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }
}
