import type { StreamName } from "@/platform/types";
import { LineCutter, type PaneLine } from "./lines";

/** What the hub tells of one node's output. */
export interface NodeOutputEvent {
  Step?: number;
  Stream?: StreamName;
  Text?: string;
  NextOffset?: number;
  OmittedBytes?: number;
  End?: boolean;
  StatusDetails?: string;
  Incomplete?: boolean;
}

interface Place {
  Step: number;
  Stream: StreamName;
  Offset: number;
}

interface Cut extends Place {
  lines: LineCutter;
}

/** One node's output, put together into lines; and how far it has come, for when the line to the hub breaks. */
export class NodeReader {
  private readonly cuts = new Map<string, Cut>();

  constructor(private readonly nodeId: string) {}

  /** Where to go on. What stands behind the last end of a line has been read, too: it waits here. */
  from(): Place[] {
    return [...this.cuts.values()].map(({ Step, Stream, Offset }) => ({ Step, Stream, Offset }));
  }

  read(event: NodeOutputEvent): PaneLine[] {
    if (event.End) return this.end(event);
    if (event.Step === undefined || event.Stream === undefined) return [];
    const cut = this.cutOf(event.Step, event.Stream);
    cut.Offset = event.NextOffset ?? cut.Offset;
    if (event.OmittedBytes === undefined) return this.linesOf(cut, cut.lines.take(event.Text ?? ""));
    return [...this.linesOf(cut, cut.lines.rest()), this.note(cut, { kind: "omitted", bytes: event.OmittedBytes })];
  }

  /** How a node ended well is not said: of thousands it would be all that is there to read. */
  private end({ StatusDetails: status = "", Incomplete }: NodeOutputEvent): PaneLine[] {
    const lines = [...this.cuts.values()].flatMap((cut) => this.linesOf(cut, cut.lines.rest()));
    const last = { Step: 0, Stream: "stdout" } as const;
    if (Incomplete) lines.push(this.note(last, { kind: "incomplete" }));
    if (status !== "Success") lines.push(this.note(last, { kind: "ended", status }));
    return lines;
  }

  refused(why: string): PaneLine[] {
    return [this.note({ Step: 0, Stream: "stdout" }, { kind: "refused", why })];
  }

  private cutOf(step: number, stream: StreamName): Cut {
    const key = `${step} ${stream}`;
    const known = this.cuts.get(key);
    if (known) return known;
    const cut: Cut = { Step: step, Stream: stream, Offset: 0, lines: new LineCutter() };
    this.cuts.set(key, cut);
    return cut;
  }

  private linesOf({ Step: step, Stream: stream }: Pick<Cut, "Step" | "Stream">, texts: readonly string[]): PaneLine[] {
    return texts.map((text) => ({ nodeId: this.nodeId, step, stream, text }));
  }

  private note({ Step: step, Stream: stream }: Pick<Cut, "Step" | "Stream">, note: NonNullable<PaneLine["note"]>): PaneLine {
    return { nodeId: this.nodeId, step, stream, text: "", note };
  }
}
