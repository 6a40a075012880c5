/** What the name of a stream says: `COMMAND/NODE/STEP/stdout|stderr`. */
export interface StreamParts {
  command: string;
  node: string;
  step: string;
  stream: string;
}

export function partsOf(name: string): StreamParts {
  const [command = "", node = "", ...rest] = name.split("/");
  const stream = rest.pop() ?? "";
  return { command, node, step: rest.join("/"), stream };
}
